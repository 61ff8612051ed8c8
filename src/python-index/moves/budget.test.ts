import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { indexDesk } from '../../../test/fakes/index-desk.ts'
import { built, bothIndexes, publishFiles, release, staging } from '../../../test/fakes/index-moves.ts'
import { createMeter, meteredStore, type Operation } from '../../store/index.ts'
import type { IndexContext } from '../context.ts'
import { archive } from './archive.ts'
import { promote } from './promote.ts'
import { rollback } from './rollback.ts'
import { yank } from './yank.ts'

/* What a move may ask of the bucket and of the store: numbers, so that a request more is seen. */
async function shop() {
  const desk = indexDesk({ environment: { prefixes: bothIndexes } })
  await publishFiles(desk.context, release, [built.torch1, built.torch1b, built.rocm1, built.source])
  await publishFiles(desk.context, release, [built.torch2])
  return desk
}

async function spentBy(context: IndexContext, work: (context: IndexContext) => Promise<unknown>) {
  const [store, bucket] = [createMeter(), createMeter()]
  await work({ ...context, store: meteredStore(context.store, store), bucket: meteredStore(context.bucket, bucket) })
  const told = (operations: Readonly<Record<Operation, number>>) =>
    Object.fromEntries(Object.entries(operations).filter(([, count]) => count > 0))
  return { store: told(store.snapshot().operations), bucket: told(bucket.snapshot().operations) }
}

describe('what a move costs', () => {
  it('a yank: one listing and two pages', async () => {
    const { context } = await shop()
    const { bucket, store } = await spentBy(context, (metered) => yank(metered, { prefix: release, project: 'torch', version: '2.7.0' }))
    assert.deepEqual(bucket, { list: 1, put: 2 })
    assert.ok(store['get']! <= 8 && store['put']! <= 5 && store['list'] === 1, JSON.stringify(store))
  })

  it('a roll-back: one listing and the pages of projects that differ', async () => {
    const { context } = await shop()
    const { bucket, store } = await spentBy(context, (metered) => rollback(metered, { prefix: release }))
    assert.deepEqual(bucket, { list: 1, put: 2 })
    assert.ok(store['get']! <= 10 && store['put']! <= 5, JSON.stringify(store))
  })

  it('a promotion that was half done: only the copies that are missing, and no file is read where the place knows digests', async () => {
    const { context, bucket: place } = await shop()
    await publishFiles(context, staging, [built.torch3, built.rocm2])
    await place.near!.copyFrom(place.near!.address(`${staging}/${built.torch3.file}`), `${release}/${built.torch3.file}`)
    const { bucket } = await spentBy(context, (metered) => promote(metered, { from: staging, to: release }))
    assert.equal(bucket['copy'], 1)
    assert.equal(bucket['list'], 1)
  })

  it('an archiving that has nothing to do: one listing, and no write', async () => {
    const { context } = await shop()
    const work = (metered: IndexContext) => archive(metered, { prefixes: [release], keep: 1 })
    const first = await spentBy(context, work)
    assert.equal(first.bucket['copy'], 2)
    const { bucket, store } = await spentBy(context, work)
    assert.deepEqual(bucket, { list: 1 })
    assert.deepEqual([store['put'], store['delete']], [undefined, undefined])
  })
})
