import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesOf, isFault } from '../../src/kit/index.ts'
import { archive, promote, publish, readIndex, reconcile, rollback, yank } from '../../src/python-index/index.ts'
import { buildWheel } from '../fakes/distributions.ts'
import { bothIndexes as prefixes, built, publishedIn, publishFiles, putFiles, release, staging } from '../fakes/index-moves.ts'
import { assertInLine, contentsOf, pageOf } from '../fakes/index-truth.ts'
import { openShop, type Shop, undelete } from './index-shop.ts'

/** Requests to the server, and bytes of the bucket that went through this process. */
async function spentBy({ meter, desk }: Shop, work: () => Promise<unknown>) {
  const before = [meter.snapshot().requests, desk.bucketMeter.snapshot().bytes] as const
  await work()
  const [requests, bytes] = [meter.snapshot().requests, desk.bucketMeter.snapshot().bytes]
  const more = Object.entries(requests).map(([kind, count]): [string, number] => [kind, count - (before[0][kind] ?? 0)])
  return {
    requests: Object.fromEntries(more.filter(([, count]) => count > 0)),
    read: bytes.read - before[1].read,
    written: bytes.written - before[1].written,
  }
}

const large = buildWheel({ name: 'torch', version: '3.0', size: 6 << 20 })

test('a promotion copies inside of the bucket: no byte of a wheel passes, and one that was half done reads none either', async (t) => {
  const shop = await openShop(t, { prefixes })
  if (shop === undefined) return
  const { context, desk } = shop
  await publishFiles(context, staging, [large, built.torch1, built.rocm1])
  await yank(context, { prefix: staging, project: 'rocm', version: '7.0.0', reason: 'x' })
  // As one that was killed leaves it.
  await desk.bucket.near!.copyFrom(desk.bucket.near!.address(`${staging}/${large.file}`), `${release}/${large.file}`)
  const spent = await spentBy(shop, () => promote(context, { from: staging, to: release }))
  assert.equal(spent.requests['CopyObject'], 2)
  assert.equal(spent.requests['HeadObject'], 1)
  assert.ok(spent.read + spent.written < 100_000, `${spent.read} bytes were read, ${spent.written} written`)
  await assertInLine(desk.bucket, release)
  assert.equal((await pageOf(desk.bucket, release, 'rocm'))?.files[0]?.yanked, 'x')
  const idle = await publish(context, { prefixes })
  assert.ok(!idle.hasMoved && idle.prefixes.every(({ written }) => written.length === 0))
})

test('old versions go into their archive, are deleted when their time has come, and come back from there', async (t) => {
  const shop = await openShop(t, { prefixes })
  if (shop === undefined) return
  const { desk } = shop
  const context = { ...shop.context, environment: { ...shop.context.environment, grace: 0 } }
  const first = await publishFiles(context, release, [built.torch1, built.torch1b, built.torch2, built.rocm1])
  await archive(context, { prefixes: [release], keep: 1 })
  await archive(context, { prefixes: [release], keep: 1 })
  assert.equal(await desk.bucket.head(`${release}/${built.torch1.file}`), undefined)
  for (const prefix of Object.keys((await readIndex(context))!.state.prefixes)) await assertInLine(desk.bucket, prefix)
  const spent = await spentBy(shop, () => rollback(context, { prefix: release, to: { generation: first } }))
  assert.equal(spent.requests['CopyObject'], 2)
  assert.equal((await publishedIn(context, release)).length, 4)
  await assertInLine(desk.bucket, release)
})

test('a versioned bucket: what was deleted or overwritten is named, brought back by its owner, and rolled back to', async (t) => {
  const shop = await openShop(t, { prefixes, versioned: true })
  if (shop === undefined) return
  const { context, desk, server, bucket } = shop
  const first = await publishFiles(context, release, [built.torch1, built.rocm1])
  const pages = await contentsOf(desk.bucket)
  await desk.bucket.delete(`${release}/${built.rocm1.file}`)
  await publishFiles(context, release, [built.torch1Other, built.rocm2])
  const back = () => rollback(context, { prefix: release, to: { generation: first } })
  await assert.rejects(
    back,
    (error) => isFault(error, 'not-found') && error.message.includes(built.rocm1.file) && error.message.includes(built.torch1.digest),
  )
  await undelete(server, bucket, `${release}/${built.rocm1.file}`)
  await desk.bucket.put(`${release}/${built.torch1.file}`, bytesOf(built.torch1.bytes))
  await back()
  await assertInLine(desk.bucket, release)
  const now = await contentsOf(desk.bucket)
  for (const [key, digest] of pages) assert.equal(now.get(key), digest, key)
  assert.deepEqual(await publishedIn(context, release), [built.rocm1.file, built.torch1.file])
  assert.equal((await publish(context, { prefixes: [release] })).hasMoved, false)
})

test('movers and publishers at once on one bucket end in an index that says what it has', async (t) => {
  const shop = await openShop(t, { prefixes })
  if (shop === undefined) return
  const { context, desk } = shop
  await publishFiles(context, release, [built.source])
  await publishFiles(context, staging, [built.torch1])
  const mine = ['1.0', '1.1', '1.2'].map((version) => buildWheel({ name: 'own', version }))
  await Promise.all([
    promote({ ...context, by: 'promoter' }, { from: staging, to: release }),
    ...mine.map(async (wheel) => {
      await putFiles(context, release, [wheel])
      await publish({ ...context, by: 'publisher' }, { prefixes: [release] })
    }),
    yank({ ...context, by: 'yanker' }, { prefix: release, project: 'triton', version: '3.2.0' }),
  ])
  assert.deepEqual(await publishedIn(context, release), [...mine.map(({ file }) => file), built.torch1.file, built.source.file])
  assert.equal((await pageOf(desk.bucket, release, 'triton'))?.files[0]?.yanked, true)
  const dry = await reconcile(context, { dryRun: true })
  assert.ok(dry.prefixes.every(({ written, removed }) => written.length + removed.length === 0))
  await assertInLine(desk.bucket, release)
})
