import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesOf, isFault } from '../../src/kit/index.ts'
import { type IndexContext, publish, publishKeys, reconcile } from '../../src/python-index/index.ts'
import { readIndex } from '../../src/python-index/records/read.ts'
import { createMemoryStore } from '../../src/store/index.ts'
import { buildSdist, buildWheel } from '../fakes/distributions.ts'
import { type IndexDesk, indexDesk } from '../fakes/index-desk.ts'
import { assertInLine, filesOf, projectsOf } from '../fakes/index-truth.ts'
import { seededRandom, testSeed } from '../fakes/seeded-random.ts'
import { hostileIndex } from './hostile-index.ts'
import { yieldingStore } from './yielding-store.ts'

/*
 * Publishers at once, while files come and go, under random faults. A failing run says its seed. Bytes that are changed on the way are not among the
 * faults: nobody but the place could tell.
 */
const trouble = { rate: 0.04, faults: ['error-before', 'error-after', 'truncated', 'delayed', 'duplicated'] } as const
const isFull = process.env['HOLDFAST_SOAK'] === '1'
const prefixes = ['v2/a', 'v2/b']
const built = ['foo', 'foo-bar', 'baz'].flatMap((name) => [
  ...['1.0', '1.1', '1.2'].map((version) => buildWheel({ name, version })),
  buildWheel({ name, version: '2.0', size: 80_000 }),
  buildSdist({ name, version: '0.1' }),
])

for (const [publishers, short, full] of [
  [1, 30, 400],
  [2, 25, 300],
  [8, 8, 80],
] as const) {
  const runs = isFull ? full : short
  test(`${publishers} publisher(s) at once, files that come and go, faults: in ${runs} runs all ends as the bucket is`, async (t) => {
    let failed = 0
    for (let run = 0; run < runs; run++) {
      const seed = testSeed + run
      try {
        failed += await runOnce(seededRandom(seed), publishers)
      } catch (error) {
        throw new Error(`HOLDFAST_TEST_SEED=${seed}`, { cause: error })
      }
    }
    t.diagnostic(`${failed} publications failed on the way`)
  })
}

async function runOnce(random: () => number, publishers: number): Promise<number> {
  const desk = indexDesk({ environment: { prefixes }, random })
  const happen = async () => {
    const one = built[Math.floor(random() * built.length)]!
    const key = `${prefixes[Math.floor(random() * prefixes.length)]}/${one.file}`
    if (random() < 0.3) await desk.bucket.delete(key)
    else await desk.bucket.put(key, bytesOf(one.bytes))
    return key
  }
  for (let count = 0; count < 5; count++) await happen()
  let failed = 0
  const contexts = Array.from({ length: publishers }, (_, index) =>
    hostileIndex(desk, { random: seededRandom(Math.floor(random() * 2 ** 31)), by: `publisher-${index}`, ...trouble }),
  )
  await Promise.all(
    contexts.map(async (context) => {
      for (let round = 0; round < 3; round++) {
        const key = await happen()
        try {
          await act(context, random(), key)
        } catch (error) {
          const expected = ['unavailable', 'partial', 'busy', 'precondition', 'not-found', 'nothing-to-do'] as const
          if (!expected.some((code) => isFault(error, code))) throw error
          failed++
        }
      }
    }),
  )
  if (failed === 0) await checkPages(desk)
  await checkEnd(desk)
  return failed
}

async function act(context: IndexContext, chance: number, key: string): Promise<unknown> {
  if (chance < 0.5) return await publish(context, { prefixes })
  if (chance < 0.65) return await publish(context, { prefixes: prefixes.slice(0, 1), project: 'foo' })
  return chance < 0.9 ? await publishKeys(context, [key]) : await reconcile(context)
}

/** Where nobody was stopped, the pages are those of the ref: whoever wrote last looked last. Files may have gone since. */
async function checkPages(desk: IndexDesk): Promise<void> {
  if ((await readIndex(desk.context)) === undefined) return
  const reconciled = await reconcile(desk.context, { dryRun: true }).catch((error: unknown) => {
    // Every file of an index is gone.
    if (isFault(error, 'precondition')) return { prefixes: [] }
    throw error
  })
  for (const { written, removed } of reconciled.prefixes) {
    assert.deepEqual(
      [...written, ...removed].filter((key) => !key.endsWith('.metadata')),
      [],
    )
  }
}

async function checkEnd(desk: IndexDesk): Promise<void> {
  await publish(desk.context, { prefixes, allowEmpty: true })
  for (const prefix of prefixes) {
    if ((await projectsOf(desk.bucket, prefix)) === undefined) continue
    await assertInLine(desk.bucket, prefix)
    const listed: string[] = []
    for (const project of (await projectsOf(desk.bucket, prefix))!) listed.push(...(await filesOf(desk.bucket, prefix, project)))
    const there = (await Array.fromAsync(desk.bucket.list(`${prefix}/`))).map(({ key }) => key.slice(prefix.length + 1))
    const wanted = there.filter((name) => /^[^/]+\.(?:whl|tar\.gz)$/.test(name))
    assert.deepEqual(listed.sort(), wanted.sort(), `files of ${prefix}`)
  }
  const idle = await publish(desk.context, { prefixes })
  assert.ok(!idle.hasMoved && idle.prefixes.every(({ written, removed }) => written.length + removed.length === 0))
  const ref = await readIndex(desk.context)
  assert.equal(ref?.history.length, ref?.generation, 'each move is in the history once')
}

test('two publishers of different wheels of one project both end in the index', async () => {
  for (let run = 0; run < 20; run++) {
    const random = seededRandom(testSeed + run)
    const desk = indexDesk({
      environment: { prefixes: ['v2'] },
      bucket: createMemoryStore({ name: 'memory:bucket', clock: indexDesk().clock }),
    })
    await Promise.all(
      ['1.0', '1.1'].map(async (version) => {
        const context: IndexContext = {
          ...desk.context,
          store: yieldingStore(desk.store, random),
          bucket: yieldingStore(desk.bucket, random),
        }
        await desk.upload('v2', buildWheel({ name: 'foo', version }))
        await publish(context, { prefixes: ['v2'] })
      }),
    )
    assert.equal((await filesOf(desk.bucket, 'v2', 'foo')).length, 2, `HOLDFAST_TEST_SEED=${testSeed + run}`)
    await assertInLine(desk.bucket, 'v2')
  }
})
