import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { buildSdist, buildWheel } from '../../../test/fakes/distributions.ts'
import { indexDesk, type IndexDesk } from '../../../test/fakes/index-desk.ts'
import { showIndex } from '../../../test/fakes/published-index.ts'
import { bytesOf, digestOf, hexOf, type Progress } from '../../kit/index.ts'
import type { IndexContext } from '../context.ts'
import { createMeter, type Meter, meteredStore } from '../../store/index.ts'
import { indexHandler } from './handler.ts'

const json = 'application/vnd.pypi.simple.v1+json'
const prefix = 'v2/gfx94X-dcgpu'
const torch = buildWheel({ name: 'torch', version: '2.6.0+rocm6.4', requires: ['numpy>=1.20'], requiresPython: '>=3.9', size: 5000 })
const older = buildWheel({ name: 'torch', version: '2.5.0' })
const sdist = buildSdist({ name: 'Foo.Bar', version: '1.0' })

interface Served {
  readonly desk: IndexDesk
  readonly bucket: Meter
  readonly told: Progress[]
  ask(path: string, headers?: Record<string, string>, method?: string): Promise<Response>
}

async function served(change: (context: IndexContext) => Promise<void> = async () => undefined): Promise<Served> {
  const desk = indexDesk({ environment: { urls: ['https://wheels.example/'] } })
  await showIndex(desk.context, {
    [prefix]: { distributions: [torch, { ...older, facts: { yanked: 'wrong <build>' } }, sdist] },
    'v2/empty': { distributions: [] },
    'v2/locked': { distributions: [torch], projects: { torch: { status: { status: 'quarantined' } } } },
  })
  await change(desk.context)
  const bucket = createMeter()
  const told: Progress[] = []
  const context = { ...desk.context, bucket: meteredStore(desk.bucket, bucket), report: (event: Progress) => told.push(event) }
  const handler = indexHandler(context)
  const ask = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    handler(new Request(`http://localhost${path}`, { headers, method }))
  return { desk, bucket, told, ask }
}

const head = (response: Response) => [response.status, response.headers.get('content-type')]
const bytesIn = async (response: Response) => new Uint8Array(await response.arrayBuffer())

describe('a page', () => {
  it('is the page of the bucket, byte for byte, in the form that is asked for', async () => {
    const { ask, desk } = await served()
    for (const folder of [`${prefix}/`, `${prefix}/torch/`, `${prefix}/foo-bar/`]) {
      for (const [accept, name, type] of [
        [json, 'index.json', json],
        ['text/html', 'index.html', 'text/html; charset=utf-8'],
        ['application/vnd.pypi.simple.v1+html', 'index.html', 'application/vnd.pypi.simple.v1+html'],
      ] as const) {
        const inBucket = await bytesIn(
          new Response((await Array.fromAsync(await desk.bucket.get(folder + name)))[0] as Uint8Array<ArrayBuffer>),
        )
        const negotiated = await ask(`/${folder}`, { accept })
        assert.deepEqual(head(negotiated), [200, type])
        assert.equal(negotiated.headers.get('vary'), 'Accept')
        assert.equal(negotiated.headers.get('cache-control'), 'no-cache')
        assert.deepEqual(await bytesIn(negotiated), inBucket)
        assert.deepEqual(await bytesIn(await ask(`/${folder}${name}`, { accept: 'image/png' })), inBucket)
        assert.deepEqual(await bytesIn(await ask(`/${folder}?format=${encodeURIComponent(type.split(';')[0]!)}`)), inBucket)
      }
    }
  })

  it('in no form that the client reads is 406', async () => {
    const { ask } = await served()
    const response = await ask(`/${prefix}/torch/`, { accept: 'application/json' })
    assert.deepEqual([response.status, response.headers.get('vary')], [406, 'Accept'])
    assert.equal((await ask(`/${prefix}/?format=xml`)).status, 406)
  })

  it('has an ETag for each form, and 304 for who holds it, with nothing read', async () => {
    const { ask, desk } = await served()
    const etags = await Promise.all(
      [json, 'text/html', 'application/vnd.pypi.simple.v1+html'].map(async (accept) =>
        (await ask(`/${prefix}/torch/`, { accept })).headers.get('etag')!,
      ),
    )
    assert.equal(new Set(etags).size, 3)
    const before = desk.meter.snapshot().operations.get
    const again = await ask(`/${prefix}/torch/`, { accept: json, 'if-none-match': etags[0]! })
    assert.deepEqual([again.status, again.headers.get('etag'), await again.text()], [304, etags[0], ''])
    assert.equal((await ask(`/${prefix}/torch/`, { accept: json, 'if-none-match': etags[1]! })).status, 200)
    assert.equal(desk.meter.snapshot().operations.get, before)
  })

  it('is found under every spelling of its name, by one redirect that stays below any mount', async () => {
    const { ask } = await served()
    const locations: [string, string | null][] = []
    for (const path of ['Foo_Bar/', 'FOO.BAR', 'foo-bar', 'Foo__Bar/?format=x', 'foo.bar/index.json']) {
      const response = await ask(`/${prefix}/${path}`)
      assert.equal(response.status, 301)
      locations.push([path, response.headers.get('location')])
    }
    assert.deepEqual(locations, [
      ['Foo_Bar/', '../foo-bar/'],
      ['FOO.BAR', './foo-bar/'],
      ['foo-bar', './foo-bar/'],
      ['Foo__Bar/?format=x', '../foo-bar/?format=x'],
      ['foo.bar/index.json', '../foo-bar/index.json'],
    ])
    assert.equal((await ask(`/${prefix}`)).headers.get('location'), './gfx94X-dcgpu/')
  })

  it('that does not exist is 404, also where its name is one that every object knows', async () => {
    const { ask } = await served()
    for (const path of [
      'nothing/',
      'constructor/',
      'torch/deeper/',
      '-/',
      'nothing-1-py3-none-any.whl',
      '__proto__/',
      'torch-9-py3-none-any.whl',
    ])
      assert.equal((await ask(`/${prefix}/${path}`)).status, 404, path)
    for (const path of ['/v3/', '/constructor/', '/index.json']) assert.equal((await ask(path)).status, 404, path)
  })

  it('follows the ref: one look within the time that it is held fresh, and the new state after it', async () => {
    const { ask, desk } = await served()
    const looks = () => desk.meter.snapshot().operations
    await ask(`/${prefix}/`)
    const { head: heads, get } = looks()
    await Promise.all(Array.from({ length: 20 }, () => ask(`/${prefix}/`)))
    assert.deepEqual([looks().head, looks().get], [heads, get])
    desk.clock.set(desk.clock.now() + 1_000)
    await Promise.all(Array.from({ length: 20 }, () => ask(`/${prefix}/`)))
    assert.deepEqual([looks().head, looks().get], [heads + 1, get])
    await showIndex(desk.context, { [prefix]: { distributions: [buildWheel({ name: 'new', version: '1' })] } })
    assert.equal((await ask(`/${prefix}/new/`)).status, 404)
    desk.clock.set(desk.clock.now() + 1_000)
    assert.equal((await ask(`/${prefix}/new/`)).status, 200)
  })

  it('of a store that does not answer is 503, says nothing of the store, and is told to the log', async () => {
    const desk = indexDesk({ failing: 'get' })
    const told: Progress[] = []
    const response = await indexHandler({ ...desk.context, report: (event) => told.push(event) })(new Request('http://localhost/v2/'))
    assert.deepEqual([response.status, response.headers.get('retry-after')], [503, '5'])
    assert.doesNotMatch(await response.text(), /memory/)
    assert.match(JSON.stringify(told), /index_serve_failed/)
  })

  it('of an index that was never published is empty for people and 404 for clients', async () => {
    const handler = indexHandler(indexDesk().context)
    assert.match(await (await handler(new Request('http://localhost/'))).text(), /Nothing is published/)
    assert.equal((await handler(new Request('http://localhost/v2/'))).status, 404)
  })
})

describe('a file', () => {
  const path = `/${prefix}/${encodeURIComponent(torch.file)}`

  it('is streamed with its digest as ETag, immutable, under both spellings of a plus sign', async () => {
    const { ask } = await served()
    for (const each of [path, `/${prefix}/${torch.file}`]) {
      const response = await ask(each)
      assert.deepEqual(head(response), [200, 'application/octet-stream'])
      assert.equal(response.headers.get('etag'), `"${hexOf(torch.digest)}"`)
      assert.equal(response.headers.get('cache-control'), 'public, max-age=31536000, immutable')
      assert.equal(response.headers.get('last-modified'), 'Tue, 07 Jan 2025 14:30:00 GMT')
      assert.equal(response.headers.get('content-length'), String(torch.bytes.byteLength))
      assert.equal(response.headers.get('repr-digest'), `sha-256=:${Buffer.from(hexOf(torch.digest), 'hex').toString('base64')}:`)
      assert.equal(response.headers.get('x-content-type-options'), 'nosniff')
      assert.equal(digestOf(await bytesIn(response)), torch.digest)
    }
  })

  it('is given in ranges', async () => {
    const { ask } = await served()
    const size = torch.bytes.byteLength
    const tail = await ask(path, { range: 'bytes=-100' })
    assert.deepEqual(
      [tail.status, tail.headers.get('content-range'), tail.headers.get('content-length')],
      [206, `bytes ${size - 100}-${size - 1}/${size}`, '100'],
    )
    assert.deepEqual(await bytesIn(tail), new Uint8Array(torch.bytes.subarray(-100)))
    const past = await ask(path, { range: `bytes=${size}-` })
    assert.deepEqual([past.status, past.headers.get('content-range')], [416, `bytes */${size}`])
    assert.equal((await ask(path, { range: 'bytes=0-9', 'if-range': '"other"' })).status, 200)
  })

  it('is 304 for who holds it, without a look at the bucket', async () => {
    const { ask, bucket } = await served()
    const etag = `"${hexOf(torch.digest)}"`
    for (const headers of [{ 'if-none-match': etag }, { 'if-modified-since': 'Tue, 07 Jan 2025 14:30:00 GMT' }])
      assert.equal((await ask(path, headers as Record<string, string>)).status, 304)
    assert.deepEqual(
      Object.values(bucket.snapshot().operations).filter((count) => count > 0),
      [],
    )
  })

  it('asked for with HEAD is the same without a body, and not read', async () => {
    const { ask, bucket } = await served()
    for (const headers of [{}, { range: 'bytes=0-9' }] as Record<string, string>[]) {
      const [got, asked] = [await ask(path, headers), await ask(path, headers, 'HEAD')]
      await got.body?.cancel()
      assert.equal(asked.status, got.status)
      assert.deepEqual([...asked.headers], [...got.headers])
      assert.equal(asked.body, null)
    }
    assert.equal(bucket.snapshot().operations.head, 2)
  })

  it('that was replaced in the bucket is not served as what was published', async () => {
    const { ask, desk, told } = await served()
    await desk.bucket.put(`${prefix}/${torch.file}`, bytesOf('something else'))
    for (const method of ['GET', 'HEAD']) assert.equal((await ask(path, {}, method)).status, 503, method)
    assert.match(JSON.stringify(told), /was replaced in the bucket since it was published/)
    await desk.bucket.delete(`${prefix}/${torch.file}`)
    for (const method of ['GET', 'HEAD']) assert.equal((await ask(path, {}, method)).status, 404, method)
  })

  it('that lies in the bucket and was never published is not there', async () => {
    const { ask, desk } = await served()
    await desk.bucket.put(`${prefix}/torch-3.0-py3-none-any.whl`, bytesOf('x'))
    await desk.bucket.put(`${prefix}/notes.txt`, bytesOf('x'))
    for (const name of ['torch-3.0-py3-none-any.whl', 'notes.txt']) assert.equal((await ask(`/${prefix}/${name}`)).status, 404, name)
  })

  it('of a quarantined project is not offered', async () => {
    const { ask } = await served()
    assert.equal((await ask(`/v2/locked/${encodeURIComponent(torch.file)}`)).status, 404)
    const page = (await (await ask('/v2/locked/torch/', { accept: json })).json()) as { files: unknown[] }
    assert.deepEqual(page.files, [])
  })
})

describe('what stands beside a file', () => {
  const path = `/${prefix}/${encodeURIComponent(torch.file)}.metadata`

  it('is served with its own digest', async () => {
    const { ask } = await served()
    const response = await ask(path)
    assert.deepEqual(head(response), [200, 'text/plain; charset=utf-8'])
    assert.equal(response.headers.get('etag'), `"${hexOf(torch.metadataDigest)}"`)
    assert.deepEqual(await bytesIn(response), new Uint8Array(torch.metadata))
    assert.equal((await ask(path, { 'if-none-match': `"${hexOf(torch.metadataDigest)}"` })).status, 304)
    assert.equal((await ask(path, {}, 'HEAD')).headers.get('content-length'), String(torch.metadata.byteLength))
    const range = await ask(path, { range: 'bytes=0-3' })
    assert.deepEqual([range.status, await range.text()], [206, 'Meta'])
  })

  it('comes out of the wheel where the bucket has none yet, or another one', async () => {
    for (const change of ['delete', 'replace'] as const) {
      const { ask } = await served(async ({ bucket }) => {
        if (change === 'delete') await bucket.delete(`${prefix}/${torch.file}.metadata`)
        else await bucket.put(`${prefix}/${torch.file}.metadata`, bytesOf('Name: other'))
      })
      assert.deepEqual(await bytesIn(await ask(path)), new Uint8Array(torch.metadata), change)
    }
  })

  it('is provenance too, and only the one that was published', async () => {
    const statement = '{"version":1,"attestation_bundles":[]}'
    const desk = indexDesk()
    const distributions = [{ ...torch, facts: { provenance: digestOf(statement) } }]
    await showIndex(desk.context, { [prefix]: { distributions } })
    const ask = () => indexHandler(desk.context)(new Request(`http://localhost/${prefix}/${encodeURIComponent(torch.file)}.provenance`))
    assert.equal((await ask()).status, 404)
    await desk.bucket.put(`${prefix}/${torch.file}.provenance`, bytesOf(statement))
    const response = await ask()
    assert.deepEqual(head(response), [200, 'application/vnd.pypi.integrity.v1+json'])
    assert.equal(await response.text(), statement)
    await desk.bucket.put(`${prefix}/${torch.file}.provenance`, bytesOf('{}'))
    assert.equal((await ask()).status, 404)
  })

  it('is 404 where there is none', async () => {
    const { ask } = await served()
    for (const name of [`${sdist.file}.metadata`, `${torch.file}.provenance`, 'torch.metadata', '.metadata'])
      assert.equal((await ask(`/${prefix}/${name}`)).status, 404, name)
  })
})

describe('a request', () => {
  it('that would change something is refused', async () => {
    const { ask } = await served()
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
      const response = await ask(`/${prefix}/`, {}, method)
      assert.deepEqual([response.status, response.headers.get('allow')], [405, 'GET, HEAD'])
    }
  })

  it('for what can be no key is refused', async () => {
    const { ask } = await served()
    for (const path of [`/${prefix}/..%2f..%2fsecret`, `/${prefix}/a%00b`, `/${prefix}//torch/`, `/${'a'.repeat(5000)}`, `/${prefix}/%ff`])
      assert.equal((await ask(path)).status, 400, path.slice(0, 40))
  })

  it('whose client went away reads no further', async () => {
    const { desk } = await served()
    const abort = new AbortController()
    const response = await indexHandler(desk.context)(
      new Request(`http://localhost/${prefix}/${encodeURIComponent(torch.file)}`, { signal: abort.signal }),
    )
    abort.abort()
    await assert.rejects(response.arrayBuffer())
  })
})
