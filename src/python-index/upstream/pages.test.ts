import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { testSeed } from '../../../test/fakes/seeded-random.ts'
import { isFault, isKey, redact } from '../../kit/index.ts'
import { parseHtmlPage } from './html-page.ts'
import { parseJsonPage } from './json-page.ts'
import type { UpstreamProject } from './project.ts'
import { sift } from './sift.ts'

const at = 'https://up.example/simple/foo/'
const hash = 'a'.repeat(64)
const bytes = (text: string) => new TextEncoder().encode(text)

function html(text: string): UpstreamProject {
  const page = parseHtmlPage(bytes(text), 'foo', at)
  return sift(page, 'foo', at, new URL(page.base ?? at, at))
}

function json(page: object): UpstreamProject {
  return sift(
    parseJsonPage(bytes(JSON.stringify({ meta: { 'api-version': '1.1' }, name: 'Foo', ...page })), 'foo', at),
    'foo',
    at,
    new URL(at),
  )
}

const entry = { filename: 'foo-1.0-py3-none-any.whl', url: 'foo-1.0-py3-none-any.whl', hashes: { sha256: hash } }

describe('a page in HTML', () => {
  test('is read as installers read it: case, quotes, entities, a base, a fragment, attributes in any order', () => {
    const { files } = html(`
      <!doctype html><HTML><head><BASE HREF="https://files.example/x/"><base href="https://evil.example/"></head><body>
      <A data-requires-python='&gt;=3.8' HREF=foo-1.0-py3-none-any.whl#sha256=${hash.toUpperCase()}&amp;egg=foo>whatever</a>
      <a href="https://other.example/a%2Bb/foo-1.0%2Bcpu-py3-none-any.whl?sig=1#md5=x" data-yanked>foo</a>
      <a name="no-link">no</a>
    `)
    assert.deepEqual(
      files.map(({ name, url, digest, requiresPython, yanked }) => [name, url, digest, requiresPython, yanked]),
      [
        ['foo-1.0-py3-none-any.whl', 'https://files.example/x/foo-1.0-py3-none-any.whl', `sha256:${hash}`, '>=3.8', undefined],
        ['foo-1.0+cpu-py3-none-any.whl', 'https://other.example/a%2Bb/foo-1.0%2Bcpu-py3-none-any.whl?sig=1', undefined, undefined, ''],
      ],
    )
  })

  test('gives metadata only with a digest that proves it, under the one name or the older', () => {
    const { files } = html(`
      <a href="foo-1-py3-none-any.whl" data-core-metadata="sha256=${hash}"></a>
      <a href="foo-2-py3-none-any.whl" data-dist-info-metadata="sha256=${hash}"></a>
      <a href="foo-3-py3-none-any.whl" data-core-metadata="true"></a>
      <a href="foo-4-py3-none-any.whl" data-core-metadata="sha256=short"></a>
    `)
    assert.deepEqual(
      files.map(({ metadata }) => metadata),
      [`sha256:${hash}`, `sha256:${hash}`, undefined, undefined],
    )
  })

  test('of a later kind is unsupported', () => {
    assert.throws(
      () => html('<meta name="pypi:repository-version" content="2.0">'),
      (error) => isFault(error, 'unsupported') && /version "2.0"/.test(error.message),
    )
  })

  test('with elements in elements in elements is corrupt, and named', () => {
    const started = process.cpuUsage()
    assert.throws(
      () => html('<b>'.repeat(1 << 20) + '</i>'.repeat(1 << 20)),
      (error) => isFault(error, 'corrupt') && /more than 256 elements/.test(error.message),
    )
    assert.ok(process.cpuUsage(started).user < 2_000_000)
  })

  test('with more links than its limit is corrupt, and named', () => {
    assert.throws(
      () => html('<a href=x></a>'.repeat(200_001)),
      (error) => isFault(error, 'corrupt') && /more than its limit of 200000 files/.test(error.message),
    )
  })
})

describe('a page in JSON', () => {
  test('may leave out what is optional, or say null', () => {
    const { files } = json({
      files: [
        {
          ...entry,
          yanked: null,
          size: null,
          'requires-python': null,
          'core-metadata': null,
          provenance: null,
          'upload-time': null,
          new: [],
        },
      ],
    })
    assert.deepEqual(
      files.map(({ name, yanked, size }) => [name, yanked, size]),
      [[entry.filename, undefined, undefined]],
    )
  })

  test('loses an entry that is broken, and only that', () => {
    const { files, dropped } = json({ files: [5, { ...entry, hashes: 'x' }, { url: 'x' }, entry] })
    assert.equal(files.length, 1)
    assert.deepEqual(
      dropped.map(({ name, reason }) => [name, reason]),
      [
        ['entry 1', 'not as an entry should be: whole'],
        ['entry 2', 'not as an entry should be: hashes'],
        ['entry 3', 'not as an entry should be: filename'],
      ],
    )
  })

  test('of a later kind is unsupported, of no kind corrupt', () => {
    assert.throws(
      () => json({ meta: { 'api-version': '2.0' }, files: [] }),
      (error) => isFault(error, 'unsupported'),
    )
    for (const page of [{ meta: {}, files: [] }, { files: {} }, { name: 7, files: [] }])
      assert.throws(
        () => json(page),
        (error) => isFault(error, 'corrupt'),
      )
    assert.throws(
      () => parseJsonPage(Uint8Array.of(0xff, 0xfe), 'foo', at),
      (error) => isFault(error, 'corrupt'),
    )
  })

  test('says of a status that nobody knows nothing', () => {
    assert.deepEqual(json({ files: [], 'project-status': { status: 'haunted' } }).status, { status: 'active' })
    assert.deepEqual(json({ files: [], 'project-status': { status: 'quarantined', reason: 'a\nb' } }).status, {
      status: 'quarantined',
      reason: 'a b',
    })
  })
})

describe('what is taken from a page', () => {
  const dropped = (file: object) => json({ files: [{ ...entry, ...file }] }).dropped[0]?.reason

  test('is of the project that was asked for', () => {
    assert.match(dropped({ filename: 'bar-1.0-py3-none-any.whl' })!, /belongs to the project bar, not to foo/)
    assert.match(dropped({ filename: 'foo-bar-1.0.tar.gz' })!, /version is not one/)
    assert.match(dropped({ filename: 'foo-x.y-py3-none-any.whl' })!, /version is not one/)
  })

  test('has a name that is one of a file', () => {
    for (const filename of [
      '../foo-1.0.tar.gz',
      'a/foo-1.0.tar.gz',
      'a\\foo-1.0.tar.gz',
      '',
      '.',
      '..',
      'foo-1.0\u0000.tar.gz',
      '.~foo-1.0.tar.gz',
    ])
      assert.match(dropped({ filename })!, /cannot be the name of a file/, filename)
  })

  test('has an address of the web', () => {
    for (const url of [
      'file:///etc/passwd',
      'javascript:alert(1)',
      'ftp://x/y',
      'http://',
      'data:text/plain,x',
      `https://x/${'a'.repeat(5000)}`,
    ])
      assert.match(dropped({ url })!, /address is not one of the web/, url)
  })

  test('makes none of its words a secret that is hidden from all messages', () => {
    html(`<base href="https://a:published@files.example/"><a href="//other:promoted@other.example/foo-1.0-py3-none-any.whl">x</a>`)
    json({ files: [{ ...entry, url: 'https://retention@up.example/foo-1.0-py3-none-any.whl' }] })
    for (const word of ['published', 'promoted', 'retention']) assert.equal(redact(word), word)
  })

  test('has no address with a user and password', () => {
    const { files } = json({ files: [{ ...entry, url: 'https://ann:secret-12@x.example/foo.whl' }] })
    assert.equal(files[0]!.url, 'https://x.example/foo.whl')
  })

  test('has a digest that can be one', () => {
    assert.match(dropped({ hashes: { sha256: 'abc' } })!, /SHA-256 is none/)
    assert.equal(json({ files: [{ ...entry, hashes: { md5: 'x' } }] }).files[0]!.digest, undefined)
  })

  test('has no two contents under one name', () => {
    const { files, dropped: lost } = json({ files: [entry, { ...entry, hashes: { sha256: 'b'.repeat(64) } }, entry] })
    assert.deepEqual([files, lost], [[], [{ name: entry.filename, reason: 'the page lists it more than once, with other content' }]])
    assert.equal(json({ files: [entry, entry] }).files.length, 1)
  })

  test('is not what no installer of today takes, which is counted', () => {
    const {
      files,
      others,
      dropped: lost,
    } = json({ files: [entry, { ...entry, filename: 'foo-1.0.win32.exe' }, { ...entry, filename: 'foo-1.0.egg' }] })
    assert.deepEqual([files.length, others, lost], [1, 2, []])
  })

  test('says nothing that is no size, no time, no Python', () => {
    const [file] = json({
      files: [{ ...entry, size: -1, 'upload-time': 'yesterday', 'requires-python': '<b>>=3</b>', yanked: '\u001b[31m\nred' }],
    }).files
    assert.deepEqual([file!.size, file!.uploaded, file!.requiresPython, file!.yanked], [undefined, undefined, undefined, ' [31m red'])
  })
})

describe('whatever comes as a page', () => {
  const checkProject = ({ files }: UpstreamProject) => {
    const names = new Set<string>()
    for (const { name, url, digest, means } of files) {
      assert.ok(isKey(name) && !/[/\\]/.test(name) && !names.has(name))
      names.add(name)
      assert.match(url, /^https?:\/\/[^@/]+(\/|$)/)
      assert.ok(digest === undefined || /^sha256:[0-9a-f]{64}$/.test(digest))
      assert.equal(means.name, 'foo')
    }
  }
  const orFault = (work: () => UpstreamProject) => {
    try {
      checkProject(work())
    } catch (error) {
      assert.ok(isFault(error) && (error.code === 'corrupt' || error.code === 'unsupported'), String(error))
    }
  }
  const word = fc.oneof(
    fc.constantFrom(
      'foo-1.0-py3-none-any.whl',
      'foo-1.0.tar.gz',
      '../x',
      'http://h/',
      '//h/foo-1.tar.gz',
      '#sha256=',
      hash,
      '&amp;',
      '%2F',
      '%',
      '\u0000',
    ),
    fc.string({ maxLength: 8 }),
  )
  const text = fc.array(word, { maxLength: 4 }).map((words) => words.join(''))
  const runs = { seed: testSeed, numRuns: 500 }

  test('as JSON is read or refused', () => {
    const any = fc.oneof(fc.jsonValue({ maxDepth: 2 }), text)
    const file = fc.record(
      {
        filename: fc.oneof(text, any),
        url: fc.oneof(text, any),
        hashes: fc.oneof(fc.dictionary(fc.constantFrom('sha256', 'md5'), text), any),
        yanked: any,
        size: any,
        'core-metadata': any,
        provenance: any,
        'requires-python': any,
        'upload-time': any,
      },
      { requiredKeys: [] },
    )
    const page = fc.record(
      { files: fc.oneof(fc.array(fc.oneof(file, any)), any), 'project-status': any, meta: fc.constantFrom({ 'api-version': '1.0' }, {}) },
      { requiredKeys: ['files'] },
    )
    fc.assert(
      fc.property(page, (made) => orFault(() => json(made as object))),
      runs,
    )
  })

  test('as HTML is read or refused', () => {
    const part = fc.oneof(
      fc.constantFrom(
        '<a ',
        '<a href="',
        '<a href=',
        '">',
        '>',
        '</a>',
        '<base href="',
        '<meta name="pypi:',
        '<!--',
        '-->',
        '<![CDATA[',
        '<script>',
        '</script>',
        '<svg>',
        ' data-yanked="',
        ' data-core-metadata="sha256=',
      ),
      text,
    )
    fc.assert(
      fc.property(fc.array(part, { maxLength: 40 }), (parts) =>
        orFault(() => {
          const page = parseHtmlPage(bytes(parts.join('')), 'foo', at)
          return sift(page, 'foo', at, new URL(at))
        }),
      ),
      runs,
    )
  })

  test('as bytes is read or refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (made) => {
        orFault(() => sift(parseHtmlPage(made, 'foo', at), 'foo', at, new URL(at)))
        orFault(() => sift(parseJsonPage(made, 'foo', at), 'foo', at, new URL(at)))
      }),
      runs,
    )
  })
})
