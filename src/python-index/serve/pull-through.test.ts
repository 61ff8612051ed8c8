import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { buildWheel } from '../../../test/fakes/distributions.ts'
import { indexDesk, type IndexDesk } from '../../../test/fakes/index-desk.ts'
import { type Handler, startHttpServer } from '../../../test/fakes/http-server.ts'
import { showIndex } from '../../../test/fakes/published-index.ts'
import { bytesOf, collect, digestOf, type Progress } from '../../kit/index.ts'
import { createHttp } from '../../kit/http/index.ts'
import { createMeter, meteredStore } from '../../store/index.ts'
import type { IndexEnvironment } from '../environment.ts'
import { publish } from '../publish/publish.ts'
import { listNotes } from '../records/notes.ts'
import { openUpstream } from '../upstream/upstream.ts'
import { indexHandler } from './handler.ts'

const json = 'application/vnd.pypi.simple.v1+json'
const pip = `${json}, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01`
const ours = buildWheel({ name: 'torch', version: '2.6.0' })
const theirs = buildWheel({ name: 'torch', version: '99.0' })
const numpy = buildWheel({ name: 'numpy', version: '2.1.3', size: 10_000, requiresPython: '>=3.10' })
const older = buildWheel({ name: 'numpy', version: '1.26.4+local' })

interface Scene {
  readonly desk: IndexDesk
  readonly told: Progress[]
  /** What the upstream was asked. */
  readonly asked: readonly string[]
  ask(path: string, accept?: string, method?: string): Promise<Response>
}

/** Our index before another one; `spoil` may answer in place of that one. */
async function scene(
  t: TestContext,
  environment: Partial<IndexEnvironment> = {},
  spoil: (path: string) => ReturnType<Handler> | Response | undefined = () => undefined,
): Promise<Scene> {
  const other = indexDesk()
  await showIndex(other.context, { simple: { distributions: [theirs, numpy, older] } })
  const handler = indexHandler(other.context)
  const server = await startHttpServer(async (incoming, outgoing) => {
    const headers = new Headers(Object.entries(incoming.headers).map(([name, value]): [string, string] => [name, String(value)]))
    const spoilt = await spoil(decodeURIComponent(incoming.url!))
    const response =
      spoilt ?? (await handler(new Request(`http://localhost${incoming.url}`, { method: incoming.method ?? 'GET', headers })))
    outgoing.writeHead(response.status, Object.fromEntries(response.headers))
    outgoing.end(Buffer.from(await response.arrayBuffer()))
  })
  const desk = indexDesk({ environment: { prefixes: ['v2', 'pypi'], ...environment } })
  await showIndex(desk.context, { v2: { distributions: [ours] } })
  const http = createHttp({ clock: desk.clock, random: () => 0, userAgent: 'test' })
  t.after(async () => {
    http.close()
    await server.close()
  })
  const told: Progress[] = []
  const context = { ...desk.context, report: (event: Progress) => told.push(event) }
  const own = indexHandler(context, { upstream: openUpstream(http, `${server.url}/simple/`) })
  const ask = (path: string, accept = pip, method = 'GET') => own(new Request(`http://localhost${path}`, { headers: { accept }, method }))
  return { desk, told, asked: server.requests, ask }
}

const numpyPath = `/v2/${encodeURIComponent(numpy.file)}`
const digestIn = async (response: Response) => digestOf(new Uint8Array(await response.arrayBuffer()))

describe('a project that the index lacks', () => {
  it('is shown as the upstream has it, with addresses of our own', async (t) => {
    const { ask } = await scene(t)
    for (const prefix of ['v2', 'pypi']) {
      const response = await ask(`/${prefix}/numpy/`)
      assert.deepEqual([response.status, response.headers.get('content-type')], [200, json])
      const page = (await response.json()) as { files: Record<string, unknown>[]; versions: string[] }
      assert.deepEqual(page.versions, ['1.26.4+local', '2.1.3'])
      assert.deepEqual(
        page.files.map(({ url, size, 'core-metadata': metadata }) => [url, size, metadata]),
        [older, numpy].map(({ file, bytes, metadataDigest }) => [
          `../${encodeURIComponent(file)}`,
          bytes.byteLength,
          { sha256: metadataDigest.slice(7) },
        ]),
      )
      assert.match(await (await ask(`/${prefix}/numpy/`, 'text/html')).text(), /href="\.\.\/numpy-2\.1\.3-py3-none-any\.whl#sha256=/)
      assert.equal((await ask(`/${prefix}/NumPy`)).headers.get('location'), './numpy/')
    }
    assert.equal((await ask('/v2/nowhere/')).status, 404)
    assert.equal((await ask('/v2/nowhere-1-py3-none-any.whl')).status, 404)
    assert.equal((await ask('/v2/numpy-7-py3-none-any.whl')).status, 404)
  })

  it('has its file fetched once, however many ask for it, proven, and kept in the bucket', async (t) => {
    const { ask, desk, asked } = await scene(t)
    const answers = await Promise.all(Array.from({ length: 8 }, () => ask(numpyPath)))
    for (const answer of answers) assert.equal(await digestIn(answer), numpy.digest)
    assert.equal(digestOf(await collect(await desk.bucket.get(`v2/${numpy.file}`), 1 << 20)), numpy.digest)
    assert.equal(digestOf(await collect(await desk.bucket.get(`v2/${numpy.file}.metadata`), 1 << 20)), numpy.metadataDigest)
    assert.equal((await ask(numpyPath, pip, 'HEAD')).headers.get('content-length'), String(numpy.bytes.byteLength))
    assert.equal(asked.filter((line) => line.endsWith(numpy.file)).length, 1)
  })

  it('has its METADATA read without its file', async (t) => {
    const { ask, desk, asked } = await scene(t)
    assert.equal(await digestIn(await ask(`${numpyPath}.metadata`)), numpy.metadataDigest)
    assert.deepEqual(asked, ['GET /simple/numpy/', `GET /simple/${numpy.file}.metadata`])
    assert.equal(await desk.bucket.head(`v2/${numpy.file}`), undefined)
  })

  it('is published with what was kept of it, without reading it again; from then on it comes from here alone', async (t) => {
    const { ask, desk } = await scene(t)
    await (await ask(numpyPath)).body?.cancel()
    assert.equal((await listNotes(desk.context)).length, 1)
    const meter = createMeter()
    await publish({ ...desk.context, bucket: meteredStore(desk.bucket, meter) }, { prefixes: ['v2'] })
    desk.clock.set(desk.clock.now() + 120_000)
    const page = (await (await ask('/v2/numpy/')).json()) as { files: { filename: string; hashes: object }[] }
    assert.deepEqual(
      page.files.map(({ filename, hashes }) => [filename, hashes]),
      [[numpy.file, { sha256: numpy.digest.slice(7) }]],
    )
    assert.equal((await ask(`/v2/${encodeURIComponent(older.file)}`)).status, 404)
    assert.equal((await ask('/pypi/numpy/')).status, 404)
  })

  it('is remembered for a minute, and then asked for again', async (t) => {
    const { ask, desk, asked } = await scene(t)
    for (let turn = 0; turn < 5; turn++) await ask('/v2/numpy/')
    assert.equal(asked.length, 1)
    desk.clock.set(desk.clock.now() + 60_000)
    await ask('/v2/numpy/')
    assert.equal(asked.length, 2)
  })

  it('goes on being fetched when who asked for it went away', async (t) => {
    const go = Promise.withResolvers<void>()
    const reached = Promise.withResolvers<void>()
    const { desk, ask } = await scene(t, {}, async (path) => {
      if (!path.endsWith('numpy-2.1.3-py3-none-any.whl')) return
      reached.resolve()
      await go.promise
    })
    const first = ask(numpyPath)
    await reached.promise
    const second = ask(numpyPath)
    go.resolve()
    await (await first).body?.cancel()
    assert.equal(await digestIn(await second), numpy.digest)
    assert.ok(await desk.bucket.head(`v2/${numpy.file}`))
  })
})

describe('what is not taken from upstream', () => {
  it('is a newer version of a project that is ours, in this prefix or another', async (t) => {
    const { ask, asked } = await scene(t)
    const page = (await (await ask('/v2/torch/')).json()) as { versions: string[] }
    assert.deepEqual(page.versions, ['2.6.0'])
    for (const path of [`/v2/${theirs.file}`, `/v2/${theirs.file}.metadata`, '/pypi/torch/', `/pypi/${theirs.file}`, '/pypi/Torch'])
      assert.equal((await ask(path)).status, 404, path)
    assert.deepEqual(asked, [])
  })

  it('is a project that the environment does not allow', async (t) => {
    const { ask, asked } = await scene(t, { allow: ['torch*', 'num?y'] })
    assert.equal((await ask('/v2/numpy/')).status, 404)
    assert.equal((await ask(numpyPath)).status, 404)
    assert.deepEqual(asked, [])
  })

  it('is a file with other bytes than its page promises', async (t) => {
    const { ask, desk, told } = await scene(t, {}, (path) =>
      path.endsWith('.whl') ? new Response(new Uint8Array(numpy.bytes.byteLength)) : undefined,
    )
    assert.equal((await ask(numpyPath)).status, 500)
    assert.equal(await desk.bucket.head(`v2/${numpy.file}`), undefined)
    assert.match(JSON.stringify(told), /not what it promises/)
  })

  it('is METADATA other than the page promises', async (t) => {
    const { ask } = await scene(t, {}, (path) => (path.endsWith('.metadata') ? new Response('Name: other') : undefined))
    assert.equal((await ask(`${numpyPath}.metadata`)).status, 500)
  })

  it('is a file under whose name other bytes stand: those stay', async (t) => {
    const { ask, desk, told } = await scene(t)
    await desk.bucket.put(`v2/${numpy.file}`, bytesOf('mine'))
    assert.equal((await ask(numpyPath)).status, 500)
    assert.match(JSON.stringify(told), /other bytes stand under this name/)
    assert.equal((await desk.bucket.head(`v2/${numpy.file}`))?.size, 4)
  })

  it('is anything, while the upstream does not answer: that is no absence', async (t) => {
    const { ask } = await scene(t, {}, () => new Response('', { status: 503 }))
    for (const path of ['/v2/numpy/', numpyPath]) assert.equal((await ask(path)).status, 503, path)
  })
})

describe('an upstream of HTML pages alone', () => {
  it('is shown as HTML, since the JSON form has to tell sizes', async (t) => {
    const { ask } = await scene(t, {}, (path) => {
      const page = `<a href="../${numpy.file}#sha256=${numpy.digest.slice(7)}">x</a>`
      return path === '/simple/numpy/' ? new Response(page, { headers: { 'content-type': 'text/html' } }) : undefined
    })
    const response = await ask('/v2/numpy/')
    assert.deepEqual([response.status, response.headers.get('content-type')], [200, 'application/vnd.pypi.simple.v1+html'])
    assert.equal((await ask('/v2/numpy/', json)).status, 406)
    assert.equal(await digestIn(await ask(numpyPath)), numpy.digest)
  })
})
