import assert from 'node:assert/strict'
import { test } from 'node:test'
import { publish, publishKeys, reconcile } from '../../src/python-index/index.ts'
import { readIndex } from '../../src/python-index/records/read.ts'
import { buildSdist, buildWheel } from '../fakes/distributions.ts'
import { assertInLine, contentsOf, filesOf } from '../fakes/index-truth.ts'
import { openShop, undelete } from './index-shop.ts'

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
