import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buildWheel } from '../../../test/fakes/distributions.ts'
import { type IndexDesk, indexDesk } from '../../../test/fakes/index-desk.ts'
import { assertInLine } from '../../../test/fakes/index-truth.ts'
import { publish } from './publish.ts'
import { publishKeys } from './publish-keys.ts'
import { reconcile } from './reconcile.ts'

const prefixes = Array.from({ length: 22 }, (_, index) => `v2/gfx${index}`)
const wheels = ['a', 'b', 'c'].flatMap((name) => ['1.0', '1.1'].map((version) => buildWheel({ name, version, requires: ['a'] })))
const fresh = buildWheel({ name: 'b', version: '1.2' })

async function published(): Promise<IndexDesk> {
  const desk = indexDesk({ environment: { prefixes } })
  for (const prefix of prefixes) await desk.upload(prefix, ...wheels)
  await publish(desk.context, { prefixes })
  return desk
}

interface Spent {
  readonly all: number
  readonly put: number
  readonly list: number
  /** But for the listings of the bucket. */
  readonly beside: number
}

async function spentBy(desk: IndexDesk, work: () => Promise<unknown>): Promise<Spent> {
  const read = () => [desk.meter.snapshot().operations, desk.bucketMeter.snapshot().operations] as const
  const before = read()
  await work()
  const now = read()
  const of = (place: 0 | 1, kind: keyof (typeof now)[0]) => now[place][kind] - before[place][kind]
  const kinds = ['head', 'get', 'put', 'delete', 'list', 'copy'] as const
  const all = kinds.reduce((sum, kind) => sum + of(0, kind) + of(1, kind), 0)
  return { all, put: of(0, 'put') + of(1, 'put'), list: of(1, 'list'), beside: all - of(1, 'list') }
}

test('where nothing changed, 22 prefixes cost a listing each, three requests, and no write', async () => {
  const desk = await published()
  const spent = await spentBy(desk, () => publish(desk.context, { prefixes }))
  assert.deepEqual(spent, { all: 25, put: 0, list: 22, beside: 3 })
})

test('one new wheel in one of 22 prefixes costs at most 40 requests beyond the listing', async (t) => {
  const desk = await published()
  await desk.upload(prefixes[7]!, fresh)
  const spent = await spentBy(desk, () => publish(desk.context, { prefixes }))
  t.diagnostic(`${spent.beside} requests, ${spent.put} of them puts`)
  assert.equal(spent.list, 22)
  assert.ok(spent.beside <= 20, `${spent.beside} requests beyond the listing`)
  for (const prefix of prefixes) await assertInLine(desk.bucket, prefix)
})

test('the event of one new wheel costs no listing of its prefix, and as little', async (t) => {
  const desk = await published()
  await desk.upload(prefixes[7]!, fresh)
  const spent = await spentBy(desk, () => publishKeys(desk.context, [`${prefixes[7]}/${fresh.file}`]))
  t.diagnostic(`${spent.all} requests, ${spent.put} of them puts`)
  assert.ok(spent.all <= 24, `${spent.all} requests`)
  await assertInLine(desk.bucket, prefixes[7]!)
  const after = await spentBy(desk, () => publish(desk.context, { prefixes }))
  assert.deepEqual(after, { all: 25, put: 0, list: 22, beside: 3 }, 'the next publication finds all as it was written')
})

test('the event of a wheel that was published already, and of anything else, writes nothing', async () => {
  const desk = await published()
  const spent = await spentBy(desk, async () => {
    await publishKeys(desk.context, [`${prefixes[0]}/${wheels[0]!.file}`])
    await publishKeys(desk.context, [`${prefixes[0]}/a/index.html`, `${prefixes[0]}/${wheels[0]!.file}.metadata`, 'elsewhere/x', ''])
  })
  assert.equal(spent.put, 0)
})

test('a reconciliation where all is in line writes nothing', async () => {
  const desk = await published()
  const spent = await spentBy(desk, () => reconcile(desk.context))
  assert.deepEqual([spent.put, spent.list], [0, 22])
})

test('a thousand wheels of one project are not looked at again for one more', async () => {
  const desk = indexDesk()
  const many = Array.from({ length: 1000 }, (_, index) => buildWheel({ name: 'nightly', version: `1.0.dev${index}` }))
  await desk.upload('v2', ...many.slice(1))
  await publish(desk.context, { prefixes: ['v2'] })
  await desk.upload('v2', many[0]!)
  const spent = await spentBy(desk, () => publish(desk.context, { prefixes: ['v2'] }))
  assert.ok(spent.beside <= 20, `${spent.beside} requests beyond the listing`)
  await desk.bucket.delete(`v2/${many[5]!.file}`)
  const less = await spentBy(desk, () => publishKeys(desk.context, [`v2/${many[5]!.file}`]))
  assert.ok(less.all <= 26, `${less.all} requests`)
  const after = await spentBy(desk, () => publish(desk.context, { prefixes: ['v2'] }))
  assert.deepEqual([after.put, after.beside], [0, 3])
  await assertInLine(desk.bucket, 'v2')
})

test('a thousand new wheels are listed twice and looked at once', async () => {
  const desk = indexDesk()
  await desk.upload('v2', ...Array.from({ length: 1000 }, (_, index) => buildWheel({ name: `p${index % 7}`, version: `1.${index}` })))
  const spent = await spentBy(desk, () => publish(desk.context, { prefixes: ['v2'] }))
  const { get, list } = desk.bucketMeter.snapshot().operations
  assert.deepEqual([get, list], [1000, 2])
  assert.ok(spent.beside < 2100, `${spent.beside} requests beyond the listing: for each wheel one, and one for its METADATA`)
  await assertInLine(desk.bucket, 'v2')
})
