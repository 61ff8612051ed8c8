import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesOf, type Digest, type FaultCode, isFault } from '../../src/kit/index.ts'
import { archive, type IndexContext, promote, publish, readIndex, reconcile, rollback, yank } from '../../src/python-index/index.ts'
import { buildWheel } from '../fakes/distributions.ts'
import { type IndexDesk, indexDesk } from '../fakes/index-desk.ts'
import { bothIndexes, publishedIn, release, staging } from '../fakes/index-moves.ts'
import { assertInLine, contentsOf } from '../fakes/index-truth.ts'
import { seededRandom, testSeed } from '../fakes/seeded-random.ts'
import { hostileIndex } from './hostile-index.ts'

/*
 * Movers and publishers at once, under random faults, while new wheels come. However they meet: nothing that was ever uploaded is lost, every page
 * is true, and a reconciliation has nothing left to do.
 */
const trouble = { rate: 0.02, faults: ['error-before', 'error-after', 'delayed', 'duplicated'] } as const
const isFull = process.env['HOLDFAST_SOAK'] === '1'
const built = ['foo', 'bar'].flatMap((name) => ['1.0', '1.1', '1.2', '1.3', '2.0'].map((version) => buildWheel({ name, version })))
const day = 86_400_000

for (const [movers, short, full] of [
  [1, 12, 200],
  [2, 25, 400],
  [4, 8, 100],
] as const) {
  const runs = isFull ? full : short
  test(`${movers} mover(s) beside a publisher: in ${runs} runs no file is lost and no page lies`, async (t) => {
    const told: Record<string, number> = {}
    for (let run = 0; run < runs; run++) {
      const seed = testSeed + run
      try {
        await runOnce(seededRandom(seed), movers, told)
      } catch (error) {
        throw new Error(`HOLDFAST_TEST_SEED=${seed}`, { cause: error })
      }
    }
    t.diagnostic(JSON.stringify(told))
  })
}

async function runOnce(random: () => number, movers: number, told: Record<string, number>): Promise<void> {
  const desk = indexDesk({ environment: { prefixes: bothIndexes, grace: day, keepGenerations: 20 }, random })
  const uploaded = new Set<Digest>()
  const upload = async () => {
    const { file, bytes, digest } = built[Math.floor(random() * built.length)]!
    await desk.bucket.put(`${staging}/${file}`, bytesOf(bytes))
    uploaded.add(digest)
  }
  for (let count = 0; count < 4; count++) await upload()
  await publish(desk.context, { prefixes: [staging] })
  await promote(desk.context, { from: staging, to: release })
  const contexts = Array.from({ length: movers + 1 }, (_, index) =>
    hostileIndex(desk, { random: seededRandom(Math.floor(random() * 2 ** 31)), by: `mover-${index}`, ...trouble }),
  )
  await Promise.all(
    contexts.map(async (context, index) => {
      for (let round = 0; round < 4; round++) {
        if (index === 0) await upload()
        desk.clock.set(desk.clock.now() + day / 2)
        const chance = random()
        const name = await outcomeOf(() => (index === 0 ? publish(context, { prefixes: bothIndexes }) : move(context, chance)))
        told[name] = (told[name] ?? 0) + 1
      }
    }),
  )
  await checkEnd(desk, uploaded)
}

async function move(context: IndexContext, chance: number): Promise<unknown> {
  if (chance < 0.35) return await promote(context, { from: staging, to: release })
  if (chance < 0.6) return await rollback(context, { prefix: release })
  if (chance < 0.7) return await rollback(context, { prefix: release, to: { generation: 2 } })
  if (chance < 0.8) return await yank(context, { prefix: release, project: 'foo', version: '1.0' })
  return await archive(context, { prefixes: [release], keep: 1 })
}

async function outcomeOf(work: () => Promise<unknown>): Promise<string> {
  try {
    await work()
    return 'done'
  } catch (error) {
    const expected: FaultCode[] = ['nothing-to-do', 'not-found', 'busy', 'partial', 'precondition', 'unavailable']
    const code = expected.find((each) => isFault(error, each))
    if (code === undefined) throw error
    return code
  }
}

async function checkEnd(desk: IndexDesk, uploaded: ReadonlySet<Digest>): Promise<void> {
  await reconcile(desk.context)
  const ref = (await readIndex(desk.context))!
  const prefixes = Object.keys(ref.state.prefixes)
  for (const prefix of prefixes) await assertInLine(desk.bucket, prefix)
  const there = new Set((await contentsOf(desk.bucket)).values())
  for (const digest of uploaded) assert.ok(there.has(digest), `${digest} is lost`)
  const again = await reconcile(desk.context, { dryRun: true })
  assert.deepEqual(
    again.prefixes.flatMap(({ written, removed }) => [...written, ...removed]),
    [],
  )
  // What the records say is what lies there: a publication of everything finds no file that went missing.
  const before = new Set((await Promise.all(prefixes.map((prefix) => publishedIn(desk.context, prefix)))).flat())
  const last = await publish(desk.context, { prefixes })
  assert.deepEqual(
    last.prefixes.flatMap(({ filesRemoved }) => filesRemoved),
    [],
  )
  assert.ok(before.size > 0)
}
