import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesOf } from '../../src/kit/index.ts'
import { type IndexContext, publish, publishKeys, reconcile } from '../../src/python-index/index.ts'
import { readIndex } from '../../src/python-index/records/read.ts'
import { type BuiltDistribution, buildSdist, buildWheel } from '../fakes/distributions.ts'
import { type IndexDesk, indexDesk } from '../fakes/index-desk.ts'
import { assertInLine, assertPagesTrue, contentsOf } from '../fakes/index-truth.ts'
import { dyingStores } from '../faults/dying-store.ts'

/* A publication that dies at each of its operations in turn, on the store and on the bucket, just before and just after. */
const prefixes = ['v2', 'v3']
const old = [
  buildWheel({ name: 'foo', version: '1.0' }),
  buildWheel({ name: 'goes', version: '1.0' }),
  buildSdist({ name: 'bar', version: '1' }),
]
const fresh = [
  buildWheel({ name: 'foo', version: '1.1', requires: ['bar'] }),
  buildWheel({ name: 'comes', version: '2', size: 90_000 }),
  buildWheel({ name: 'bad', version: '1', broken: 'no-zip' }),
]

interface Play {
  readonly name: string
  /** People have edited pages before: they say what they want until all is done. */
  readonly isEdited?: boolean
  setUp(desk: IndexDesk): Promise<void>
  run(context: IndexContext): Promise<unknown>
}

async function uploadNew(desk: IndexDesk): Promise<void> {
  for (const prefix of prefixes) await desk.upload(prefix, ...fresh)
  await desk.bucket.delete(`v2/${old[1]!.file}`)
}

async function publishOld(desk: IndexDesk): Promise<void> {
  for (const prefix of prefixes) await desk.upload(prefix, ...old)
  await publish(desk.context, { prefixes })
}

const keysOf = (prefix: string, built: readonly BuiltDistribution[]) => built.map(({ file }) => `${prefix}/${file}`)

const plays: readonly Play[] = [
  { name: 'the first publication', setUp: uploadNew, run: (context) => publish(context, { prefixes }) },
  {
    name: 'a publication',
    async setUp(desk) {
      await publishOld(desk)
      await uploadNew(desk)
    },
    run: (context) => publish(context, { prefixes }),
  },
  {
    name: 'the publication of a few keys',
    async setUp(desk) {
      await publishOld(desk)
      await uploadNew(desk)
    },
    run: (context) => publishKeys(context, [...keysOf('v2', fresh), ...keysOf('v3', fresh), `v2/${old[1]!.file}`]),
  },
  {
    name: 'a reconciliation',
    isEdited: true,
    async setUp(desk) {
      await publishOld(desk)
      for (const key of ['v2/index.html', 'v2/foo/index.json', `v3/${old[0]!.file}.metadata`]) await desk.bucket.delete(key)
      await desk.bucket.put('v3/foo/index.html', bytesOf('edited by hand'))
    },
    run: (context) => reconcile(context),
  },
]

for (const play of plays) {
  test(`${play.name} may die at any operation: no page names what is not there, and the next one ends as if nobody had died`, async (t) => {
    const whole = indexDesk({ environment: { prefixes } })
    await play.setUp(whole)
    const { life, stores } = dyingStores([whole.store, whole.bucket], Number.POSITIVE_INFINITY, 'before')
    await play.run({ ...whole.context, store: stores[0]!, bucket: stores[1]! })
    const wanted = await contentsOf(whole.bucket)
    const state = (await readIndex(whole.context))?.state.prefixes
    for (let at = 1; at <= life.count; at++) {
      for (const when of ['before', 'after'] as const) {
        try {
          await dieAt(play, at, when, wanted, state)
        } catch (error) {
          throw new Error(`died just ${when} operation ${at} of ${life.count}`, { cause: error })
        }
      }
    }
    t.diagnostic(`${life.count} operations`)
  })
}

async function dieAt(
  play: Play,
  at: number,
  when: 'before' | 'after',
  wanted: ReadonlyMap<string, string>,
  state: Readonly<Record<string, { readonly catalogue: string }>> | undefined,
): Promise<void> {
  const desk = indexDesk({ environment: { prefixes } })
  await play.setUp(desk)
  const { life, stores } = dyingStores([desk.store, desk.bucket], at, when)
  const context = { ...desk.context, store: stores[0]!, bucket: stores[1]! }
  await Promise.race([play.run(context), life.died])
  if (play.isEdited !== true) await checkPages(desk)
  // A later command, whichever: of a bucket that was never published nothing can be reconciled.
  if ((await readIndex(desk.context)) !== undefined) {
    await reconcile(desk.context)
    await checkPages(desk)
  }
  await play.run(desk.context)
  assert.deepEqual(await contentsOf(desk.bucket), wanted)
  const now = (await readIndex(desk.context))?.state.prefixes
  for (const prefix of prefixes) {
    assert.equal(now?.[prefix]?.catalogue, state?.[prefix]?.catalogue)
    await assertInLine(desk.bucket, prefix)
  }
  const idle = await publish(desk.context, { prefixes })
  assert.ok(!idle.hasMoved && idle.prefixes.every(({ written, removed }) => written.length + removed.length === 0))
}

/** A wheel that its owner took away before is still named by pages of then; nothing else is that is not there. */
async function checkPages({ bucket }: IndexDesk): Promise<void> {
  const gone = old[1]!
  const lent = (await bucket.head(`v2/${gone.file}`)) === undefined && (await bucket.head('v2/goes/index.json')) !== undefined
  const extra = [`v2/${gone.file}`, `v2/${gone.file}.metadata`]
  const missing = lent ? await Promise.all(extra.map(async (key) => ((await bucket.head(key)) === undefined ? key : undefined))) : []
  if (missing[0] !== undefined) await bucket.put(missing[0], bytesOf(gone.bytes))
  if (missing[1] !== undefined) await bucket.put(missing[1], bytesOf(gone.metadata))
  for (const prefix of prefixes) await assertPagesTrue(bucket, prefix)
  for (const key of missing) if (key !== undefined) await bucket.delete(key)
}
