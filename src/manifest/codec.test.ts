import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { bytesOf, collect, compareKeys, type Digest, digestOf, type FaultCode, isFault } from '../kit/index.ts'
import { decodeManifest, digestOfManifest, encodeManifest, manifestLimits } from './codec.ts'
import type { Entry } from './entry.ts'
import { manifests } from '../../test/fakes/manifests.ts'

const digest = digestOf('')
const line = (path: string, size: number | string = 0, more = '') => `{"path":"${path}","size":${size},"digest":"${digest}"${more}}`
const head = '{"format":"holdfast-manifest/1"}'

async function listOf<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}

async function decode(text: string | Uint8Array, limits = manifestLimits): Promise<Entry[]> {
  return listOf(decodeManifest(bytesOf(text), { at: 'the manifest', limits }))
}

async function encode(entries: Iterable<Entry>): Promise<string> {
  return new TextDecoder().decode(await collect(encodeManifest(entries), 1 << 24))
}

const fault = (code: FaultCode, words: RegExp) => (error: unknown) => isFault(error, code) && words.test(error.message)

describe('a manifest', () => {
  it('has the bytes and the digest that docs/formats.md gives as its test vector', async () => {
    const entries: Entry[] = [
      { path: 'include/a "quoted" name.h', size: 0, digest: digestOf('') },
      { path: 'lib/librcclx-dev.a', size: 3, digest: digestOf('abc'), mode: 0o644 },
      { path: 'lib/\uff5e', size: 3, digest: digestOf('abc') },
      { path: 'lib/\u{1f9f1}', size: 3, digest: digestOf('abc'), mode: 0 },
    ]
    const { readFile } = await import('node:fs/promises')
    const docs = await readFile(new URL('../../docs/formats.md', import.meta.url), 'utf8')
    const vector = /## Manifests[\s\S]*?```json-lines\n([\s\S]*?)```\n\n.*`(sha256:[0-9a-f]{64})`/.exec(docs)
    assert.ok(vector, 'docs/formats.md has a test vector')
    assert.equal(await encode(entries), vector[1])
    assert.equal(await digestOfManifest(entries), vector[2])
    assert.equal(digestOf(vector[1]!), vector[2])
    assert.deepEqual(await decode(vector[1]!), entries)
  })

  it('reads back as it was written, whatever pieces it arrives in', async () => {
    await fc.assert(
      fc.asyncProperty(manifests(), fc.integer({ min: 1, max: 300 }), async (entries, size) => {
        const whole = await collect(encodeManifest(entries), 1 << 24)
        async function* pieces() {
          for (let at = 0; at < whole.byteLength; at += size) yield whole.subarray(at, at + size)
        }
        assert.deepEqual(await listOf(decodeManifest(pieces(), { at: 'x' })), entries)
        assert.equal(await digestOfManifest(entries), digestOf(whole))
      }),
      { numRuns: 60 },
    )
  })

  it('of nothing is its header alone', async () => {
    assert.equal(await encode([]), `${head}\n`)
    assert.deepEqual(await decode(`${head}\n`), [])
  })

  it('can be rewound where its entries can, and is read once otherwise', async () => {
    const entries: Entry[] = [{ path: 'a', size: 0, digest }]
    const again = encodeManifest(entries)
    assert.equal(again.rewindable, true)
    assert.deepEqual(await collect(again, 1000), await collect(again, 1000))
    assert.equal(encodeManifest(entries.values()).rewindable, false)
  })

  it('refuses to be written with paths that leave the root, are out of order or appear twice', async () => {
    const at = (path: string): Entry => ({ path, size: 0, digest })
    for (const path of ['', '/etc/passwd', '../up', 'a/../../b', 'a//b', './a', 'a/', 'line\nbreak', 'nul\0', '\ud800', 'x'.repeat(256)]) {
      await assert.rejects(encode([at(path)]), fault('invalid', /not a usable path/), JSON.stringify(path))
    }
    await assert.rejects(encode([at('b'), at('a')]), fault('invalid', /byte order/))
    await assert.rejects(encode([at('a'), at('a')]), fault('invalid', /twice/))
    await assert.rejects(encode([at('\u{10000}'), at('\uffff')]), fault('invalid', /byte order/), 'the order of bytes, not of UTF-16')
    await assert.rejects(encode([{ ...at('a'), size: -1 }]), fault('invalid', /size/))
    await assert.rejects(encode([{ ...at('a'), mode: 0o10000 }]), fault('invalid', /mode/))
    await assert.rejects(encode([{ ...at('a'), digest: 'md5:1' as Digest }]), fault('invalid', /digest/))
  })
})

describe('a hostile manifest', () => {
  const cases: [string, string | Uint8Array, FaultCode, RegExp][] = [
    ['is empty', '', 'corrupt', /empty.*line 1\b/],
    ['is something else', '{"format":"tar/1"}\n', 'corrupt', /begin.*line 1\b/],
    ['begins with a byte order mark', `\ufeff${head}\n`, 'corrupt', /line 1\b/],
    ['has a newer format', '{"format":"holdfast-manifest/2","more":1}\n', 'unsupported', /format 2/],
    ['has no entry but an array', `${head}\n[]\n`, 'corrupt', /line 2\b/],
    ['is cut within a line', `${head}\n${line('a')}`, 'corrupt', /no end.*line 2\b/],
    ['is out of order', `${head}\n${line('b')}\n${line('a')}\n`, 'corrupt', /byte order.*line 3\b/],
    ['has a path twice', `${head}\n${line('a')}\n${line('a')}\n`, 'corrupt', /twice.*line 3\b/],
    ['leaves the root', `${head}\n${line('../a')}\n`, 'corrupt', /path.*line 2\b/],
    ['is absolute', `${head}\n${line('/a')}\n`, 'corrupt', /path.*line 2\b/],
    ['has a control character as an escape', `${head}\n${line('a\\u0000')}\n`, 'corrupt', /line 2\b/],
    ['has a raw control character', `${head}\n${line('a\u0001')}\n`, 'corrupt', /line 2\b/],
    ['has a raw delete character', `${head}\n${line('a\u007f')}\n`, 'corrupt', /line 2\b/],
    ['escapes what need not be escaped', `${head}\n${line('\\u0061')}\n`, 'corrupt', /canonical.*line 2\b/],
    ['has a negative size', `${head}\n${line('a', -1)}\n`, 'corrupt', /line 2\b/],
    ['has a size past what numbers hold', `${head}\n${line('a', '9007199254740993')}\n`, 'corrupt', /size.*line 2\b/],
    ['spells a size otherwise', `${head}\n${line('a', '1e3')}\n`, 'corrupt', /line 2\b/],
    ['has a mode past the permission bits', `${head}\n${line('a', 0, ',"mode":4096')}\n`, 'corrupt', /mode.*line 2\b/],
    ['has an unknown field', `${head}\n${line('a', 0, ',"uid":0')}\n`, 'corrupt', /canonical.*line 2\b/],
    ['has a field twice', `${head}\n${line('a', 0, ',"mode":1,"mode":2')}\n`, 'corrupt', /line 2\b/],
    ['has spaces', `${head}\n ${line('a')}\n`, 'corrupt', /line 2\b/],
    ['has carriage returns', `${head}\n${line('a')}\r\n`, 'corrupt', /line 2\b/],
    ['has an empty line', `${head}\n\n${line('a')}\n`, 'corrupt', /line 2\b/],
    ['is not UTF-8', Buffer.concat([Buffer.from(`${head}\n{"path":"`), Buffer.from([0xff]), Buffer.from('"}\n')]), 'corrupt', /UTF-8/],
  ]
  for (const [name, text, code, words] of cases) {
    it(`that ${name} is ${code}, with the line's number`, async () => {
      await assert.rejects(decode(text), fault(code, words))
    })
  }

  it('cannot exhaust memory: a long line and too many entries are refused with the limit that they passed', async () => {
    async function* endless() {
      yield Buffer.from(`${head}\n{"path":"`)
      for (;;) yield Buffer.alloc(1000, 'a')
    }
    await assert.rejects(listOf(decodeManifest(endless(), { at: 'x' })), fault('corrupt', /longer than 4096 bytes \(line 2\b/))
    const many = `${head}\n${line('a')}\n${line('b')}\n${line('c')}\n`
    assert.equal((await decode(many, { entries: 3, lineBytes: 4096 })).length, 3)
    await assert.rejects(decode(many, { entries: 2, lineBytes: 4096 }), fault('corrupt', /more than 2 entries \(line 4\b/))
  })

  it('never decodes to anything but what would be written as the same bytes', async () => {
    await fc.assert(
      fc.asyncProperty(
        manifests({ minLength: 1, maxLength: 3 }),
        fc.nat(),
        fc.constantFrom(' ', '"', '\\', '/', '.', '0', '\n', '{', 'a', '\0', ':', '\u00e9'),
        async (entries, where, put) => {
          const text = await encode(entries)
          const at = where % text.length
          const broken = text.slice(0, at) + put + text.slice(at + 1)
          const decoded = await decode(broken).catch((error: unknown) => {
            assert.ok(isFault(error, 'corrupt') || isFault(error, 'unsupported'), String(error))
          })
          if (decoded !== undefined) assert.equal(await encode(decoded), broken.toWellFormed())
        },
      ),
      { numRuns: 300 },
    )
  })

  it('is refused in its order of bytes exactly where the order of keys says so', async () => {
    await fc.assert(
      fc.asyncProperty(manifests({ minLength: 2, maxLength: 2 }), async ([a, b]) => {
        assert.ok(compareKeys(a!.path, b!.path) < 0)
        assert.ok(Buffer.compare(Buffer.from(a!.path), Buffer.from(b!.path)) < 0)
      }),
    )
  })
})
