import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { buildSdist, buildWheel } from '../../../test/fakes/distributions.ts'
import { indexDesk } from '../../../test/fakes/index-desk.ts'
import { showIndex } from '../../../test/fakes/published-index.ts'
import { seededRandom, testSeed } from '../../../test/fakes/seeded-random.ts'
import { startHttpServer } from '../../../test/fakes/http-server.ts'
import { bytesOf, isFault, systemClock } from '../../kit/index.ts'
import { createHttp, type HttpClient } from '../../kit/http/index.ts'
import { type ObjectStore, readAll } from '../../store/index.ts'
import { indexHandler } from '../serve/handler.ts'
import { checkIndex, type CheckOptions, type CheckReport } from './check.ts'

const prefix = 'v2/gfx94X-dcgpu'
const torch = buildWheel({ name: 'torch', version: '2.6.0+rocm6.4', requires: ['numpy>=1.20', 'filelock'], size: 5000 })
const numpy = buildWheel({ name: 'numpy', version: '2.1.3' })
const sdist = buildSdist({ name: 'Foo.Bar', version: '1.0' })
const torchKey = `${prefix}/${torch.file}`

async function shown(distributions = [torch, numpy, sdist]) {
  const { context } = indexDesk()
  await showIndex(context, { [prefix]: { distributions } })
  return context
}

const lines = ({ findings }: CheckReport) => findings.map(({ at, what, severity }) => `${severity}: ${at}: ${what}`)

async function checkBucket(change: (bucket: ObjectStore) => Promise<unknown>, options: CheckOptions = {}): Promise<string[]> {
  const { bucket } = await shown()
  await change(bucket)
  return lines(await checkIndex({ bucket, prefix }, options))
}

async function edit(bucket: ObjectStore, key: string, change: (text: string) => string): Promise<void> {
  const { bytes, info } = await readAll(bucket, key, { limit: 1 << 20 })
  const text = change(Buffer.from(bytes).toString())
  await bucket.put(key, bytesOf(text), { contentType: info.contentType, cacheControl: info.cacheControl })
}

const anyHttp = (): HttpClient => createHttp({ clock: systemClock, random: seededRandom(testSeed), userAgent: 'test' })

type Answer = (request: Request, response: Response) => Response | Promise<Response>

/** The index over HTTP, with answers that are not as they should be. */
async function checkServed(
  t: TestContext,
  spoil: Answer,
  options: CheckOptions = {},
): Promise<{ report: CheckReport; url: string; requests: readonly string[] }> {
  const handler = indexHandler(await shown())
  const server = await startHttpServer(async (incoming, outgoing) => {
    const headers = new Headers(Object.entries(incoming.headers).map(([name, value]): [string, string] => [name, String(value)]))
    const request = new Request(`http://localhost${incoming.url}`, { method: incoming.method ?? 'GET', headers })
    const response = await spoil(request, await handler(request))
    outgoing.writeHead(response.status, Object.fromEntries(response.headers))
    outgoing.end(Buffer.from(await response.arrayBuffer()))
  })
  const http = anyHttp()
  t.after(async () => {
    http.close()
    await server.close()
  })
  const url = `${server.url}/${prefix}/`
  return { report: await checkIndex({ url, http }, options), url, requests: server.requests }
}

const changed = (response: Response, headers: Record<string, string | undefined>, status = response.status): Response => {
  const all = new Headers(response.headers)
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined) all.delete(name)
    else all.set(name, value)
  }
  return new Response(response.body, { status, headers: all })
}

describe('a check of a bucket', () => {
  for (const deep of [false, true]) {
    it(`finds nothing where nothing is wrong${deep ? ', however deep it looks' : ''}`, async () => {
      const { bucket } = await shown()
      const report = await checkIndex({ bucket, prefix }, { deep })
      assert.deepEqual(lines(report), [])
      assert.deepEqual([report.at, report.projects, report.files], [`memory:bucket/${prefix}/`, 3, 3])
    })
  }

  const cases: [string, (bucket: ObjectStore) => Promise<unknown>, RegExp, CheckOptions?][] = [
    [
      'a file that is gone',
      (bucket) => bucket.delete(torchKey),
      /error: memory:bucket\/v2\/.*torch-2\.6\.0\+rocm6\.4.*whl: it is listed and not there/,
    ],
    ['METADATA that is gone', (bucket) => bucket.delete(`${torchKey}.metadata`), /error: .*whl\.metadata: it is listed and not there/],
    [
      'METADATA of something else',
      (bucket) => bucket.put(`${torchKey}.metadata`, bytesOf('Name: x')),
      /error: .*whl\.metadata: it is sha256 \w+; the page says sha256/,
    ],
    ['a file of another size', (bucket) => bucket.put(torchKey, bytesOf('PK')), /error: .*whl: it has 2 bytes; its page says \d+/],
    [
      'a file with another byte, when it looks deep',
      async (bucket) => bucket.put(`${prefix}/${numpy.file}`, bytesOf(numpy.bytes.map((byte, at) => (at === 50 ? byte ^ 1 : byte)))),
      /error: .*numpy.*whl: it is sha256 \w+; its page says sha256/,
      { deep: true },
    ],
    [
      'a file that is no zip',
      (bucket) => bucket.put(torchKey, bytesOf(new Uint8Array(torch.bytes.byteLength))),
      /error: .*whl: it does not begin as such a file does/,
    ],
    ['a page without its JSON form', (bucket) => bucket.delete(`${prefix}/torch/index.json`), /warning: .*torch\/: it has no JSON form/],
    ['a page without its HTML form', (bucket) => bucket.delete(`${prefix}/torch/index.html`), /warning: .*torch\/: it has no HTML form/],
    [
      'a project without pages',
      async (bucket) => {
        for (const name of ['index.html', 'index.json']) await bucket.delete(`${prefix}/torch/${name}`)
      },
      /error: .*torch\/: there is no page/,
    ],
    [
      'forms that differ',
      (bucket) => edit(bucket, `${prefix}/torch/index.html`, (text) => text.replaceAll(/#sha256=\w{10}/g, '#sha256=0123456789')),
      /error: .*do not agree about torch-.*its SHA-256/,
    ],
    [
      'a file in one form alone',
      (bucket) => edit(bucket, `${prefix}/torch/index.html`, (text) => text.replace(/<a .*<\/a>/, '')),
      /error: .*torch-.* is in the JSON form alone/,
    ],
    [
      'roots that differ',
      (bucket) => edit(bucket, `${prefix}/index.html`, (text) => text.replace(/<a href="torch.*<\/a>/, '')),
      /error: .*\/: torch is in the JSON form alone/,
    ],
    [
      'a link out of its folder',
      (bucket) => edit(bucket, `${prefix}/index.html`, (text) => text.replace('href="torch/"', 'href="../torch/"')),
      /its link "\.\.\/torch\/" does not lead to a project's page/,
    ],
    [
      'a plus sign as it is',
      (bucket) => edit(bucket, `${prefix}/torch/index.json`, (text) => text.replaceAll('%2B', '+')),
      /warning: .*a plus sign that is not written %2B/,
    ],
    [
      'a file of somebody else',
      (bucket) => edit(bucket, `${prefix}/torch/index.json`, (text) => text.replace(/"filename":"torch/, '"filename":"other')),
      /it belongs to the project other, not to torch/,
    ],
    [
      'a name that is none',
      (bucket) => edit(bucket, `${prefix}/index.json`, (text) => text.replace('"torch"', '"to rch/.."')),
      /it lists "to rch\/\.\.", which is no project's name/,
    ],
    [
      'a page that is no JSON',
      (bucket) => bucket.put(`${prefix}/torch/index.json`, bytesOf('{'), { contentType: 'application/vnd.pypi.simple.v1+json' }),
      /error: .*not valid JSON/,
    ],
    [
      'a page of a wrong type',
      (bucket) => bucket.put(`${prefix}/torch/index.json`, bytesOf('{}'), { contentType: 'text/plain' }),
      /error: .*index\.json: its type is text\/plain/,
    ],
    [
      'sizes that are not told',
      (bucket) => edit(bucket, `${prefix}/torch/index.json`, (text) => text.replace(/"size":\d+,/, '')),
      /does not tell the size of torch.* \(PEP 700\)/,
    ],
    [
      'versions that are missing',
      (bucket) => edit(bucket, `${prefix}/torch/index.json`, (text) => text.replace(/"versions":\[[^\]]*\]/, '"versions":[]')),
      /is of version 2\.6\.0\+rocm6\.4, which is not among its versions/,
    ],
    [
      'pages that are kept for ever, and files that are not',
      async (bucket) => {
        for (const [key, cacheControl] of [
          [`${prefix}/torch/index.json`, 'public, max-age=31536000, immutable'],
          [torchKey, 'no-cache'],
        ] as const) {
          const { bytes, info } = await readAll(bucket, key, { limit: 1 << 20 })
          await bucket.put(key, bytesOf(bytes), { contentType: info.contentType, cacheControl })
        }
      },
      /caches ask for this file again[^]*caches may keep this page for ever/,
    ],
  ]
  for (const [what, change, expected, options] of cases) {
    it(`finds ${what}`, async () => assert.match((await checkBucket(change, options)).join('\n'), expected))
  }

  it('of what is none throws', async () => {
    const { bucket } = await shown()
    await assert.rejects(
      checkIndex({ bucket, prefix: 'v3' }),
      (error) => isFault(error, 'not-found') && error.message.includes('memory:bucket/v3/'),
    )
    await assert.rejects(checkIndex({ bucket, prefix }, { project: 'jax' }), (error) => isFault(error, 'not-found'))
    assert.equal((await checkIndex({ bucket, prefix }, { project: 'Foo_Bar' })).files, 1)
  })
})

describe('a check of a server', () => {
  it('finds nothing where nothing is wrong', async (t) => {
    const { report, requests, url } = await checkServed(t, (_, response) => response, { deep: true })
    assert.deepEqual(lines(report), [])
    assert.deepEqual([report.at, report.projects, report.files, report.requests], [url, 3, 3, requests.length])
  })

  const isFile = (request: Request) => request.url.includes('.whl') && !request.url.endsWith('.metadata')
  const isPage = (request: Request) => request.url.endsWith('/')
  const cases: [string, Answer, RegExp][] = [
    ['no Vary', (_, response) => changed(response, { vary: undefined }), /warning: .*without Vary: Accept/],
    [
      'no ranges',
      (request, response) => (isFile(request) && response.status === 206 ? changed(response, {}, 200) : response),
      /warning: .*answers 200 and not 206/,
    ],
    [
      'ranges of something else',
      (_, response) => (response.status === 206 ? changed(response, { 'content-range': 'bytes 5-6/10' }) : response),
      /error: .*as "bytes 5-6\/10"/,
    ],
    [
      'no conditional requests',
      (_, response) => (response.status === 304 ? new Response('', { status: 200 }) : response),
      /warning: .*answers 200 and not 304/,
    ],
    [
      'no ETag',
      (_, response) => changed(response, { etag: undefined, 'last-modified': undefined }),
      /warning: .*neither ETag nor Last-Modified[^]*no ETag: a download/,
    ],
    [
      'files that come as HTML',
      (request, response) => (isFile(request) ? changed(response, { 'content-type': 'text/html' }) : response),
      /error: .*a file comes as text\/html/,
    ],
    [
      'files that come compressed',
      (request, response) => (isFile(request) && request.method === 'HEAD' ? changed(response, { 'content-encoding': 'gzip' }) : response),
      /error: .*it comes encoded \(gzip\)/,
    ],
    [
      'a digest that differs',
      (_, response) =>
        changed(response, response.headers.has('repr-digest') ? { 'repr-digest': `sha-256=:${Buffer.alloc(32).toString('base64')}:` } : {}),
      /error: .*the server says sha256 000/,
    ],
    [
      'S3 checksums that differ',
      (_, response) =>
        changed(
          response,
          response.headers.has('repr-digest')
            ? { 'repr-digest': undefined, 'x-amz-checksum-sha256': Buffer.alloc(32).toString('base64') }
            : {},
        ),
      /error: .*the server says sha256 000/,
    ],
    [
      'a plus sign that is a space there',
      (request, response) => (isFile(request) && request.url.includes('%2B') ? new Response('', { status: 404 }) : response),
      /error: .*torch.*: it is listed and not there/,
    ],
    [
      'no negotiation',
      (request, response) =>
        isPage(request) && request.headers.get('accept')!.includes('json') ? changed(response, { 'content-type': 'text/html' }) : response,
      /warning: .*its JSON form is only at index\.json/,
    ],
    [
      'credentials that it wants',
      (request, response) => (isFile(request) ? new Response('', { status: 403 }) : response),
      /error: .*it is answered with status 403/,
    ],
  ]
  for (const [what, spoil, expected] of cases) {
    it(`finds ${what}`, async (t) => assert.match(lines((await checkServed(t, spoil)).report).join('\n'), expected))
  }

  it('that cannot be reached throws what is the trouble', async () => {
    const gone = await startHttpServer(() => undefined)
    await gone.close()
    const http = createHttp({ clock: { now: () => 0, sleep: async () => undefined }, random: () => 0, userAgent: 'test' })
    await assert.rejects(checkIndex({ url: gone.url, http }), (error) => isFault(error, 'unavailable'))
    await assert.rejects(checkIndex({ url: 'ftp://x/', http }), (error) => isFault(error, 'invalid'))
  })
})

describe('a check whether everything can be installed', () => {
  const closure = { pythons: ['3.11', '3.12'], platforms: ['manylinux_2_28_x86_64'] }

  it('names what is missing, once, with where it is missed', async () => {
    const { bucket } = await shown()
    const report = await checkIndex({ bucket, prefix }, { closure })
    assert.deepEqual(lines(report), [
      `error: memory:bucket/${prefix}/: torch 2.6.0+rocm6.4 requires filelock: no such project (Python 3.11 on manylinux_2_28_x86_64, Python 3.12 on manylinux_2_28_x86_64)`,
    ])
    assert.equal(report.closure?.missing.length, 2)
  })

  it('is content where all is there', async () => {
    const { bucket } = await shown([torch, numpy, buildWheel({ name: 'filelock', version: '3.1' })])
    assert.deepEqual(lines(await checkIndex({ bucket, prefix }, { closure })), [])
  })

  it('is about a whole index', async () => {
    const { bucket } = await shown()
    await assert.rejects(checkIndex({ bucket, prefix }, { closure, project: 'torch' }), (error) => isFault(error, 'invalid'))
  })
})
