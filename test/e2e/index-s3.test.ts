import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { DeleteObjectCommand, ListObjectVersionsCommand, S3Client } from '@aws-sdk/client-s3'
import { systemClock } from '../../src/kit/index.ts'
import { type IndexContext, publish, publishKeys, reconcile } from '../../src/python-index/index.ts'
import { readIndex } from '../../src/python-index/records/read.ts'
import { createMeter, createS3Store, type Meter, type ObjectStore, retryingStore } from '../../src/store/index.ts'
import { buildSdist, buildWheel } from '../fakes/distributions.ts'
import { type IndexDesk, indexDesk } from '../fakes/index-desk.ts'
import { assertInLine, contentsOf, filesOf } from '../fakes/index-truth.ts'
import { s3ForTests, type S3Server } from '../services/index.ts'

interface Shop {
  readonly desk: IndexDesk
  readonly context: IndexContext
  readonly server: S3Server
  readonly bucket: string
  readonly store: ObjectStore
  /** Requests to the server. */
  readonly meter: Meter
}

async function openShop(
  t: TestContext,
  options: { readonly prefixes: readonly string[]; readonly versioned?: boolean },
): Promise<Shop | undefined> {
  const server = await s3ForTests(t)
  if (server === undefined) return undefined
  const meter = createMeter()
  const { endpoint, region, accessKeyId, secretAccessKey } = server
  const open = (bucket: string) => {
    const store = createS3Store({ endpoint, region, accessKeyId, secretAccessKey, bucket, env: {}, meter })
    t.after(() => store.close())
    return retryingStore(store, { clock: systemClock, random: Math.random, attempts: 5, base: 50, cap: 1000 })
  }
  const bucket = await server.newBucket({ versioned: options.versioned === true })
  const store = open(await server.newBucket())
  const desk = indexDesk({ environment: { prefixes: options.prefixes }, store, bucket: open(bucket), random: Math.random })
  return { desk, context: { ...desk.context, clock: systemClock }, server, bucket, store, meter }
}

const wheels = ['1.0', '1.1+rocm7.0'].map((version) => buildWheel({ name: 'foo', version, requires: ['bar'] }))
const large = buildWheel({ name: 'large', version: '1', size: 300_000 })
const source = buildSdist({ name: 'bar', version: '2' })

test('a bucket on a real S3 server is published; where nothing changed no byte is written, in three requests beside the listing', async (t) => {
  const shop = await openShop(t, { prefixes: ['v2/gfx94X-dcgpu', 'v2/gfx120X-all'] })
  if (shop === undefined) return
  const { desk, context, meter } = shop
  const { prefixes } = context.environment
  for (const prefix of prefixes) await desk.upload(prefix, ...wheels, large, source)
  await publish(context, { prefixes })
  for (const prefix of prefixes) await assertInLine(desk.bucket, prefix)
  const requests = () => meter.snapshot().requests
  const before = requests()
  const again = await publish(context, { prefixes })
  assert.equal(again.hasMoved, false)
  const now = requests()
  const spent = Object.fromEntries(
    Object.entries(now).flatMap(([kind, count]) => (count === before[kind] ? [] : [[kind, count - (before[kind] ?? 0)]])),
  )
  assert.deepEqual(spent, { GetObject: 2, ListObjectsV2: 3 })
})

test('an event finds the same etags as a listing: the publication after it has nothing to do', async (t) => {
  const shop = await openShop(t, { prefixes: ['v2'] })
  if (shop === undefined) return
  const { desk, context } = shop
  await desk.upload('v2', wheels[0]!, source)
  await publish(context, { prefixes: ['v2'] })
  await desk.upload('v2', wheels[1]!, large)
  await publishKeys(context, [`v2/${wheels[1]!.file}`, `v2/${large.file}`])
  await assertInLine(desk.bucket, 'v2')
  const puts = () => desk.meter.snapshot().operations.put + desk.bucketMeter.snapshot().operations.put
  const before = puts()
  await publish(context, { prefixes: ['v2'] })
  assert.equal(puts(), before)
})

test('eight publishers at once on one bucket, each with wheels of its own, end with all of them', async (t) => {
  const prefixes = ['v2/a', 'v2/b']
  const shop = await openShop(t, { prefixes })
  if (shop === undefined) return
  const { desk, context } = shop
  await Promise.all(
    Array.from({ length: 8 }, async (_, person) => {
      for (const round of [1, 2]) {
        const mine = buildWheel({ name: person % 2 === 0 ? 'shared' : `own${person}`, version: `${person}.${round}` })
        await desk.upload(prefixes[person % 2]!, mine)
        await publish({ ...context, by: `person-${person}` }, { prefixes })
      }
    }),
  )
  assert.equal((await filesOf(desk.bucket, 'v2/a', 'shared')).length, 8)
  const dry = await reconcile(context, { dryRun: true })
  assert.ok(
    dry.prefixes.every(({ written, removed }) => written.length + removed.length === 0),
    'whoever wrote last looked last',
  )
  for (const prefix of prefixes) await assertInLine(desk.bucket, prefix)
  const ref = await readIndex(context)
  assert.equal(ref?.history.length, ref?.generation)
})

test('a versioned bucket: a wheel that was deleted and brought back is listed again, and pages deleted by hand come back', async (t) => {
  const shop = await openShop(t, { prefixes: ['v2'], versioned: true })
  if (shop === undefined) return
  const { desk, context, server, bucket } = shop
  await desk.upload('v2', ...wheels, large)
  await publish(context, { prefixes: ['v2'] })
  const before = await contentsOf(desk.bucket)
  await desk.bucket.delete(`v2/${large.file}`)
  await publish(context, { prefixes: ['v2'] })
  assert.deepEqual(await filesOf(desk.bucket, 'v2', 'large'), [])
  await undelete(server, bucket, `v2/${large.file}`)
  const [done] = (await publish(context, { prefixes: ['v2'] })).prefixes
  assert.deepEqual(done?.filesAdded, [large.file])
  await assertInLine(desk.bucket, 'v2')
  assert.deepEqual([...(await contentsOf(desk.bucket)).keys()], [...before.keys()])
  for (const key of ['v2/index.html', 'v2/foo/index.json']) await desk.bucket.delete(key)
  const mended = await reconcile(context)
  assert.deepEqual(mended.prefixes[0]?.written, ['v2/foo/index.json', 'v2/index.html'])
  await assertInLine(desk.bucket, 'v2')
})

/** As its owner brings an object back: the delete marker is deleted. */
async function undelete(server: S3Server, Bucket: string, Key: string): Promise<void> {
  const { endpoint, region, accessKeyId, secretAccessKey } = server
  const client = new S3Client({ endpoint, region, forcePathStyle: true, credentials: { accessKeyId, secretAccessKey } })
  try {
    const { DeleteMarkers = [] } = await client.send(new ListObjectVersionsCommand({ Bucket, Prefix: Key }))
    for (const marker of DeleteMarkers) {
      if (marker.Key === Key && marker.IsLatest === true)
        await client.send(new DeleteObjectCommand({ Bucket, Key, VersionId: marker.VersionId }))
    }
  } finally {
    client.destroy()
  }
}
