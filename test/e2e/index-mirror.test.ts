import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { describe, it, type TestContext } from 'node:test'
import { createHttp, type HttpClient } from '../../src/kit/http/index.ts'
import { systemClock } from '../../src/kit/index.ts'
import { type Dependency, type IndexContext, indexHandler, mirror, publish } from '../../src/python-index/index.ts'
import { listen } from '../../src/server/index.ts'
import { createMeter, createS3Store, type Meter } from '../../src/store/index.ts'
import { buildSdist, buildWheel } from '../fakes/distributions.ts'
import { indexDesk } from '../fakes/index-desk.ts'
import { scratchDirectory } from '../fakes/scratch.ts'
import { debianWheel, type FakeUpstream, startFakeUpstream } from '../fakes/upstream.ts'
import { s3ForTests } from '../services/index.ts'
import { pipsForTests } from '../services/pip.ts'

const scratch = scratchDirectory()
const prefixes = ['v2/gfx94X-dcgpu', 'v2/gfx120X-all', 'v2-staging/gfx94X-dcgpu']

interface Scene {
  readonly context: IndexContext
  readonly upstream: FakeUpstream
  readonly http: HttpClient
  readonly meter: Meter
  /** Requests to the bucket that the work sends, by S3's names for them. */
  requests(work: () => Promise<unknown>): Promise<Record<string, number>>
}

async function scene(t: TestContext, versioned: boolean, dependencies: Partial<Dependency>[]): Promise<Scene | undefined> {
  const server = await s3ForTests(t)
  if (server === undefined) return undefined
  const name = await server.newBucket({ versioned })
  const meter = createMeter()
  const { endpoint, region, accessKeyId, secretAccessKey } = server
  const bucket = createS3Store({ bucket: name, endpoint, region, accessKeyId, secretAccessKey, partSize: 5 << 20, env: {}, meter })
  const upstream = await startFakeUpstream()
  const http = createHttp({ clock: systemClock, random: Math.random, userAgent: 'holdfast/test' })
  t.after(async () => {
    http.close()
    await upstream.close()
    await bucket.close()
  })
  const environment = {
    bucket: `s3://${name}`,
    prefixes,
    upstream: upstream.url,
    dependencies: dependencies.map((each) => ({ name: '', projects: ['rocm'], versions: ['latest'], takesSources: false, ...each })),
  }
  const { context } = indexDesk({ environment })
  const requests: Scene['requests'] = async (work) => {
    const before = meter.snapshot().requests
    await work()
    const spent = Object.entries(meter.snapshot().requests).map(([kind, count]) => [kind, count - (before[kind] ?? 0)])
    return Object.fromEntries(spent.filter(([, count]) => count !== 0)) as Record<string, number>
  }
  return { context: { ...context, bucket, clock: systemClock }, upstream, http, meter, requests }
}

for (const versioned of [false, true]) {
  describe(`a mirror into ${versioned ? 'a versioned' : 'a'} bucket`, () => {
    it('is one GET upstream and one PUT for each file, copies for the other prefixes, and nothing the second time', async (t) => {
      const dependencies = [{ name: 'small' }, { name: 'large' }, { name: 'source', takesSources: true }]
      const at = await scene(t, versioned, dependencies)
      if (at === undefined) return
      // The large one goes up in parts.
      const built = [
        buildWheel({ name: 'small', version: '1.0' }),
        buildWheel({ name: 'large', version: '2.0', size: 12 << 20 }),
        buildSdist({ name: 'source', version: '3.0' }),
      ]
      for (const each of built) at.upstream.add(each, { uploaded: '2024-01-02T03:04:05Z' })
      const run = async () => {
        const { failures, moved } = await mirror(at.context, at.http, { package: 'rocm' })
        assert.deepEqual(failures, [])
        return moved
      }
      const spent = await at.requests(async () => {
        const { downloads, copies, companions } = await run()
        assert.deepEqual([downloads, copies, companions], [3, 6, 6])
      })
      for (const { file } of built) assert.equal(at.upstream.count(`/${file}`), 1)
      // One for each object that is put but the large one, which goes up in three parts; nothing for finding out.
      const { CreateMultipartUpload, CompleteMultipartUpload, ...rest } = spent
      assert.deepEqual(rest, { ListObjectsV2: 3, PutObject: 8, UploadPart: 3, CopyObject: 6 })
      assert.deepEqual([CreateMultipartUpload, CompleteMultipartUpload], [1, 1])
      const again = await at.requests(run)
      assert.deepEqual(Object.keys(again), ['ListObjectsV2'])
      const published = await publish(at.context, { prefixes })
      assert.deepEqual(
        published.prefixes.map(({ files, refused }) => [files, refused]),
        prefixes.map(() => [3, []]),
      )
      assert.deepEqual(Object.keys(await at.requests(run)), ['ListObjectsV2'])
    })
  })
}

describe('what was mirrored', () => {
  it('is what pip installs, real wheels among it', async (t) => {
    const names = (() => {
      try {
        return readdirSync('/usr/share/python-wheels').filter((file) => file.endsWith('.whl'))
      } catch {
        return []
      }
    })()
    const projects = names.map((file) => file.split('-')[0]!)
    const at = await scene(t, false, [{ name: 'app' }, { name: 'library', versions: ['<2'] }, ...projects.map((name) => ({ name }))])
    if (at === undefined) return
    for (const file of names) at.upstream.add(debianWheel(file))
    at.upstream.add(buildWheel({ name: 'app', version: '1.0', requires: ['library>=1'] }))
    for (const version of ['1.4', '1.10', '2.0']) at.upstream.add(buildWheel({ name: 'library', version }))
    const { failures } = await mirror(at.context, at.http, { package: 'all' })
    assert.deepEqual(failures, [])
    await publish(at.context, { prefixes })
    const server = await listen({ port: 0, clock: systemClock, limits: { grace: 0 }, handler: indexHandler(at.context) })
    t.after(() => server.close())
    for (const pip of await pipsForTests(t, scratch)) {
      const folder = await pip.install('--index-url', `${server.url}/${prefixes[2]}/`, 'app', ...projects.filter((name) => name !== 'pip'))
      assert.equal(await pip.say(folder, 'import library; print(library.__version__)'), '1.10')
    }
  })
})
