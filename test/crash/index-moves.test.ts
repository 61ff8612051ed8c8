import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFault } from '../../src/kit/index.ts'
import { archive, type IndexContext, promote, publish, readIndex, reconcile, rollback, yank } from '../../src/python-index/index.ts'
import { type IndexDesk, indexDesk } from '../fakes/index-desk.ts'
import { bothIndexes, built, publishedIn, publishFiles, release, staging } from '../fakes/index-moves.ts'
import { assertInLine, assertPagesTrue, contentsOf } from '../fakes/index-truth.ts'
import { dyingStores } from '../faults/dying-store.ts'

/*
 * Moves that die at each of their operations in turn, on the store and on the bucket, just before and just after. Whenever that is: no page
 * names what is not there, no version is installable from nowhere, and the same command ends it.
 */
interface Play {
  readonly name: string
  setUp(desk: IndexDesk): Promise<void>
  run(context: IndexContext): Promise<unknown>
}

const newest = [built.torch1, built.torch1b, built.torch2, built.rocm1]
const day = 86_400_000

async function publishBoth({ context }: IndexDesk): Promise<void> {
  await publishFiles(context, release, [built.torch3, built.source])
  await publishFiles(context, staging, newest)
}

async function publishTwice({ context }: IndexDesk): Promise<void> {
  await publishFiles(context, release, [built.torch1, built.rocm1])
  await publishFiles(context, release, [built.torch2, built.source])
}

async function archiveSome(desk: IndexDesk): Promise<void> {
  await publishTwice(desk)
  await archive(desk.context, { prefixes: [release], keep: 1 })
  desk.clock.set(desk.clock.now() + 8 * day)
}

const plays: readonly Play[] = [
  { name: 'a promotion', setUp: publishBoth, run: (context) => promote(context, { from: staging, to: release }) },
  {
    name: 'a promotion into an index that is new',
    setUp: async ({ context }) => void (await publishFiles(context, staging, newest)),
    run: (context) => promote(context, { from: staging, to: release }),
  },
  { name: 'a roll-back', setUp: publishTwice, run: (context) => rollback(context, { prefix: release, to: { generation: 1 } }) },
  {
    name: 'a roll-back to files that are in the archive alone',
    async setUp(desk) {
      await archiveSome(desk)
      await archive(desk.context, { prefixes: [release], keep: 1 })
    },
    run: (context) => rollback(context, { prefix: release, to: { generation: 2 } }),
  },
  { name: 'a yank', setUp: publishTwice, run: (context) => yank(context, { prefix: release, project: 'torch', version: '2.7.0' }) },
  { name: 'an archiving', setUp: publishTwice, run: (context) => archive(context, { prefixes: [release], keep: 1 }) },
  { name: 'an archiving that deletes', setUp: archiveSome, run: (context) => archive(context, { prefixes: [release], keep: 1 }) },
]

for (const play of plays) {
  test(`${play.name} may die at any operation, and the next one ends it`, async (t) => {
    const whole = newDesk()
    await play.setUp(whole)
    const { life, stores } = dyingStores([whole.store, whole.bucket], Number.POSITIVE_INFINITY, 'before')
    await play.run({ ...whole.context, store: stores[0]!, bucket: stores[1]! })
    const wanted = { contents: await contentsOf(whole.bucket), catalogues: await cataloguesOf(whole), cost: life.count }
    for (let at = 1; at <= life.count; at++) {
      for (const when of ['before', 'after'] as const) {
        try {
          await dieAt(play, at, when, wanted)
        } catch (error) {
          throw new Error(`died just ${when} operation ${at} of ${life.count}`, { cause: error })
        }
      }
    }
    t.diagnostic(`${life.count} operations`)
  })
}

function newDesk(): IndexDesk {
  return indexDesk({ environment: { prefixes: bothIndexes } })
}

interface Wanted {
  readonly contents: ReadonlyMap<string, string>
  readonly catalogues: unknown
  readonly cost: number
}

async function dieAt(play: Play, at: number, when: 'before' | 'after', wanted: Wanted): Promise<void> {
  const desk = newDesk()
  await play.setUp(desk)
  const before = await installable(desk)
  const dying = dyingStores([desk.store, desk.bucket], at, when)
  await Promise.race([play.run({ ...desk.context, store: dying.stores[0]!, bucket: dying.stores[1]! }), dying.life.died])
  await checkPages(desk)
  const after = await installable(desk)
  const isArchiving = play.name.startsWith('an archiving')
  if (isArchiving)
    assert.deepEqual(
      [...before].filter((file) => !after.has(file)),
      [],
      'each version is in an index',
    )
  // Half of the plays are ended by the same command alone, the others after somebody else has looked at the pages.
  if (when === 'before') await reconcile(desk.context)
  await checkPages(desk)
  try {
    await play.run(desk.context)
  } catch (error) {
    if (!isFault(error, 'nothing-to-do')) throw error
  }
  assert.deepEqual(await contentsOf(desk.bucket), wanted.contents)
  assert.deepEqual(await cataloguesOf(desk), wanted.catalogues)
  const prefixes = Object.keys((await readIndex(desk.context))!.state.prefixes)
  for (const prefix of prefixes) await assertInLine(desk.bucket, prefix)
  const idle = await publish(desk.context, { prefixes })
  assert.ok(!idle.hasMoved && idle.prefixes.every(({ written, removed }) => written.length + removed.length === 0))
}

async function checkPages({ context, bucket }: IndexDesk): Promise<void> {
  for (const prefix of Object.keys((await readIndex(context))?.state.prefixes ?? {})) await assertPagesTrue(bucket, prefix)
}

async function cataloguesOf({ context }: IndexDesk): Promise<unknown> {
  const prefixes = (await readIndex(context))?.state.prefixes ?? {}
  return Object.fromEntries(Object.entries(prefixes).map(([prefix, { catalogue }]) => [prefix, catalogue]))
}

/** Names of files that any index publishes. */
async function installable({ context }: IndexDesk): Promise<Set<string>> {
  const names = await Promise.all(
    Object.keys((await readIndex(context))?.state.prefixes ?? {}).map((prefix) => publishedIn(context, prefix)),
  )
  return new Set(names.flat())
}
