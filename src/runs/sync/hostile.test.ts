import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { writeManifest } from '../../../test/fakes/first-manifest.ts'
import { addRuns, assertSame, runDesk } from '../../../test/fakes/run-desk.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { digestOf, hexOf, isFault } from '../../kit/index.ts'
import { bytesOf } from '../../kit/index.ts'
import type { ObjectStore } from '../../store/index.ts'
import type { RunPage } from '../format/page.ts'

const scratch = scratchDirectory()
const desk = () => runDesk(scratch)
const onlyPages = { ways: ['pages'] as const }

const outwards = ['../../../../../escaped', '/etc/escaped', 'a/../../escaped', 'a//b', './a', 'a\u0000b', 'a\nb', 'x'.repeat(256)]

describe('names that lead elsewhere', () => {
  for (const name of outwards) {
    test(`a page with the path ${JSON.stringify(name.slice(0, 30))} is refused`, async () => {
      const at = desk()
      addRuns(at.server, 2)
      at.server.publish({ page: (page) => withFirst(page, { path: name }) })
      await assert.rejects(at.sync(onlyPages), (error) => isFault(error, 'corrupt'))
      assertNothingEscaped(at.folder)
    })

    test(`a manifest of format 1.0 with the path ${JSON.stringify(name.slice(0, 30))} syncs all but that`, async () => {
      const at = desk()
      addRuns(at.server, 2)
      writeManifest(at.server, 1, {
        change: (manifest) => {
          manifest.experiments[0]!.files[0]!.path = name
          return manifest
        },
      })
      const stats = await at.sync({ ways: ['manifest'] })
      assert.equal(stats.failures.count, 1)
      assert.equal(stats.failures.first[0]!.code, 'invalid')
      assert.equal(stats.filesSynced, 7)
      assertNothingEscaped(at.folder)
    })
  }

  for (const run of ['..', 'a/b', '', '.holdfast']) {
    test(`a run of the project ${JSON.stringify(run)} is refused`, async () => {
      const at = desk()
      addRuns(at.server, 1)
      writeManifest(at.server, 1, {
        change: (manifest) => {
          const [first] = manifest.experiments
          for (const file of first!.files) file.path = file.path.replace('vision', run)
          first!.project = run
          return manifest
        },
      })
      const stats = await at.sync({ ways: ['manifest'] })
      assert.equal(stats.filesSynced, 0)
      assert.ok(stats.failures.count > 0)
      assertNothingEscaped(at.folder)
    })
  }

  test('the page of one run cannot stand for another', async () => {
    const at = desk()
    addRuns(at.server, 2)
    const pages: RunPage[] = []
    at.server.publish({ page: (page) => (pages.push(page), { ...page, runId: page.runId }) })
    const [, second] = pages
    const other = desk()
    addRuns(other.server, 2)
    other.server.publish({ page: (page) => (page.runId === second!.runId ? page : { ...page, project: 'elsewhere' }) })
    await assert.rejects(other.sync(onlyPages), (error) => isFault(error, 'corrupt'))
  })
})

describe('links in the folder', () => {
  test('a folder that is a link is not written through', async () => {
    const at = desk()
    addRuns(at.server, 1)
    at.server.publish()
    const elsewhere = path.join(path.dirname(at.folder), 'elsewhere')
    mkdirSync(elsewhere)
    mkdirSync(at.folder)
    symlinkSync(elsewhere, at.here('vision'))
    const stats = await at.sync()
    assert.equal(stats.failures.count, 4)
    assert.equal(stats.failures.first[0]!.code, 'denied')
    assert.deepEqual(readdirSync(elsewhere), [])
  })

  test('a file that became a link is not written through, and its target is left', async () => {
    const at = desk()
    const [first] = addRuns(at.server, 1)
    at.server.publish()
    await at.sync()
    const victim = path.join(path.dirname(at.folder), 'victim')
    writeFileSync(victim, 'precious')
    const { rmSync } = await import('node:fs')
    rmSync(at.here(`${first}/logs.txt`))
    symlinkSync(victim, at.here(`${first}/logs.txt`))
    at.server.append(`${first}/logs.txt`, 'more\n')
    at.server.publish()
    assert.equal((await at.sync()).failures.count, 1)
    assert.equal((await at.sync({ force: true })).failures.count, 1)
    assert.equal(readFileSync(victim, 'utf8'), 'precious')
  })

  test('the client keeps nothing behind a link', async () => {
    const at = desk()
    addRuns(at.server, 1)
    at.server.publish()
    const elsewhere = path.join(path.dirname(at.folder), 'elsewhere')
    mkdirSync(elsewhere)
    mkdirSync(at.folder)
    symlinkSync(elsewhere, at.here('.holdfast'))
    await assert.rejects(at.sync(), (error) => isFault(error, 'denied'))
    assert.deepEqual(readdirSync(elsewhere), [])
  })
})

describe('bytes that are not what they say', () => {
  test('of a pack: the file is fetched from where it lies, and that is said', async () => {
    const at = desk()
    addRuns(at.server, 2)
    at.server.publish({ packed: (key, bytes) => (key.endsWith('meta.json') ? new Uint8Array(bytes.byteLength) : bytes) })
    const stats = await at.sync()
    assertSame(at)
    assert.equal(stats.failures.count, 0)
    assert.equal(at.notes.length, 2)
  })

  test('of a file: it is not put in place, and told', async () => {
    const at = desk()
    const [first] = addRuns(at.server, 2)
    at.server.publish({
      noPacks: true,
      page: (page) => withFirst(page, { digest: digestOf('other') }),
    })
    const stats = await at.sync()
    assert.equal(stats.failures.count, 2)
    assert.equal(stats.failures.first[0]!.code, 'corrupt')
    assert.ok(!existsSync(at.here(`${first}/events.jsonl`)))
  })

  test('a tail that does not fit its beginning leaves the file as it was', async () => {
    const at = desk()
    const [first] = addRuns(at.server, 1)
    const log = `${first}/logs.txt`
    at.server.publish()
    await at.sync()
    const before = at.local(log)
    at.server.append(log, 'more\n')
    at.server.publish({
      page: (page) => ({
        ...page,
        files: page.files.map((file) => (file.path === 'logs.txt' ? { ...file, digest: digestOf('x') } : file)),
      }),
    })
    const stats = await at.sync()
    assert.equal(stats.failures.count, 1)
    assert.equal(at.local(log), before)
    assert.equal((await at.sync()).failures.count, 1, 'and is tried again')
    at.server.write(`${first}/meta.json`, 'new')
    at.server.publish()
    assert.equal((await at.sync()).failures.count, 0)
    assertSame(at)
  })

  test('a mark that lies does not mix two logs', async () => {
    const at = desk()
    const [first] = addRuns(at.server, 1)
    at.server.publish()
    await at.sync()
    const had = at.server.read(`${first}/logs.txt`)
    at.server.write(`${first}/logs.txt`, 'a different beginning of the log, and more of it\n')
    at.server.publish({
      page: (page) => ({
        ...page,
        files: page.files.map((file) =>
          file.path === 'logs.txt' ? { ...file, marks: [{ offset: had.byteLength, digest: digestOf(had) }] } : file,
        ),
      }),
    })
    const stats = await at.sync()
    assert.equal(stats.failures.count, 1)
    assert.deepEqual(readFileSync(at.here(`${first}/logs.txt`)), had)
  })

  test('a pack that is not there is done without', async () => {
    const at = desk()
    addRuns(at.server, 2)
    const root = at.server.publish()
    const { rmSync } = await import('node:fs')
    rmSync(path.join(at.server.root, '.runicorn/holdfast/packs', root.newest!.name))
    const stats = await at.sync()
    assertSame(at)
    assert.equal(stats.failures.count, 0)
  })

  test('a log of pages that ends early is refused, and the next way is gone', async () => {
    const at = desk()
    addRuns(at.server, 2)
    at.server.publish({ root: (root) => ({ ...root, log: { ...root.log, length: root.log.length + 10 } }) })
    await assert.rejects(at.sync(onlyPages), (error) => isFault(error, 'corrupt'))
    writeManifest(at.server, 1)
    assert.equal((await at.sync()).way, 'manifest')
    assertSame(at)
  })

  test('a root that names pages which are nowhere is refused', async () => {
    const at = desk()
    addRuns(at.server, 2)
    at.server.publish({ root: (root) => ({ ...root, full: { ...root.full, digest: digestOf('nowhere') } }) })
    await assert.rejects(at.sync(onlyPages), (error) => isFault(error, 'corrupt') && /does not have the page/.test(error.message))
  })
})

describe('sizes without end', () => {
  test('a root of more than 64 KiB is not read to its end', async () => {
    const at = desk()
    addRuns(at.server, 1)
    at.server.publish()
    const endless = sourceThatGives(at.store, (key) => key.endsWith('root.json'))
    await assert.rejects(at.sync({ source: endless, ...onlyPages }), (error) => isFault(error, 'corrupt') && /limit/.test(error.message))
  })

  test('a page that unpacks to more than its limit is refused', async () => {
    const at = desk()
    addRuns(at.server, 1)
    const root = at.server.publish()
    const plain = Buffer.alloc(65 << 20)
    const frame = zstdCompressSync(plain)
    const head = Buffer.alloc(37)
    head.writeUInt32LE(frame.byteLength, 0)
    head.writeUInt8(1, 4)
    head.write(hexOf(digestOf(plain)), 5, 'hex')
    writeFileSync(path.join(at.server.root, '.runicorn/holdfast', root.log.name), Buffer.concat([head, frame]))
    at.server.publish({ root: (made) => ({ ...made, log: { ...made.log, length: 37 + frame.byteLength } }) })
    writeFileSync(path.join(at.server.root, '.runicorn/holdfast', root.log.name), Buffer.concat([head, frame]))
    await assert.rejects(at.sync(onlyPages), (error) => isFault(error, 'corrupt') && /cannot be decompressed to/.test(error.message))
  })

  test('a manifest of format 1.0 that unpacks without end is refused', async () => {
    const at = desk()
    mkdirSync(path.join(at.server.root, '.runicorn'), { recursive: true })
    const bomb = Buffer.concat([Buffer.from('{"experiments":[{"a":"'), Buffer.alloc(80 << 20, 'a')])
    writeFileSync(path.join(at.server.root, '.runicorn/full_manifest.json.gz'), gzipSync(bomb))
    await assert.rejects(at.sync({ ways: ['manifest'] }), (error) => isFault(error, 'corrupt') && /limit/.test(error.message))
  })

  test('of a file that goes on for ever no more is read than was listed', async () => {
    const at = desk()
    const [first] = addRuns(at.server, 1)
    at.server.publish({ noPacks: true })
    for (const name of ['events.jsonl', 'logs.txt']) {
      const had = at.server.read(`${first}/${name}`)
      writeFileSync(path.join(at.server.root, `${first}/${name}`), Buffer.concat([had, Buffer.alloc(20 << 20)]))
    }
    const stats = await at.sync()
    assert.equal(stats.failures.count, 0)
    assert.ok(stats.bytesDownloaded < 100_000, `${stats.bytesDownloaded}`)
  })
})

describe('nonsense', () => {
  for (const [what, text] of [
    ['no JSON', 'hello'],
    ['cut off', '{"format_version":"1.0","experiments":[{"run_id":"a"'],
    ['of another version', '{"format_version":"2.0","revision":1,"generated_at":1,"experiments":[]}'],
    ['a list', '[]'],
    ['without runs', '{"format_version":"1.0","revision":1,"generated_at":1}'],
    ['with runs that are none', '{"format_version":"1.0","revision":1,"generated_at":1,"experiments":[{"x":1}]}'],
    ['with escaped names', '{"format_version":"1.0","revision":1,"generated_at":1,"\\u0065xperiments":[{"run_id":"a"}]}'],
  ] as const) {
    test(`a manifest that is ${what} is corrupt`, async () => {
      const at = desk()
      mkdirSync(path.join(at.server.root, '.runicorn'), { recursive: true })
      writeFileSync(path.join(at.server.root, '.runicorn/full_manifest.json'), text)
      await assert.rejects(at.sync({ ways: ['manifest'] }), (error) => isFault(error, 'corrupt'))
    })
  }
})

function withFirst(page: RunPage, change: Partial<RunPage['files'][number]>): RunPage {
  const [first, ...others] = page.files
  return { ...page, files: [{ ...first!, ...change }, ...others] }
}

function assertNothingEscaped(folder: string): void {
  const outside = readdirSync(path.dirname(folder)).filter((name) => name !== path.basename(folder))
  assert.deepEqual(outside, ['server'])
  assert.ok(!existsSync('/etc/escaped'))
  const inside = existsSync(folder) ? readdirSync(folder) : []
  assert.ok(
    inside.every((name) => name === '.holdfast' || name === 'vision'),
    inside.join(' '),
  )
}

/** The same store, but some objects never end. */
function sourceThatGives(store: ObjectStore, isEndless: (key: string) => boolean): ObjectStore {
  return {
    ...store,
    async get(key, options) {
      const body = await store.get(key, options)
      if (!isEndless(key)) return body
      const endless = bytesOf('')
      return {
        ...endless,
        info: { ...body.info, size: 2 ** 50 },
        length: 2 ** 50,
        async *[Symbol.asyncIterator]() {
          for (;;) yield new Uint8Array(16_384)
        },
      }
    },
  }
}
