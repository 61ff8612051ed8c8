import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesOf } from '../../kit/index.ts'
import { createMemoryStore } from '../../store/index.ts'
import { type BuiltDistribution, buildSdist, buildWheel } from '../../../test/fakes/distributions.ts'
import { type IndexDesk, indexDesk } from '../../../test/fakes/index-desk.ts'
import { assertInLine, contentsOf } from '../../../test/fakes/index-truth.ts'
import { seededRandom, testSeed } from '../../../test/fakes/seeded-random.ts'
import { putNote } from '../records/notes.ts'
import { readIndex } from '../records/read.ts'
import { publish } from './publish.ts'
import { publishKeys } from './publish-keys.ts'

const prefixes = ['v2/a', 'v2/b']
const runs = process.env['HOLDFAST_SOAK'] === '1' ? 200 : 12
const names = ['foo', 'Foo.Bar', 'baz']
const built: readonly BuiltDistribution[] = names.flatMap((name) => [
  ...['1.0', '1.1', '2.0rc1'].map((version) => buildWheel({ name, version, requires: ['foo'] })),
  buildWheel({ name, version: '1.0', size: 90_000, tags: 'cp311-cp311-linux_x86_64' }),
  buildWheel({ name, version: '9.9', broken: 'other-name' }),
  buildSdist({ name, version: '1.0' }),
])

/** One thing that happens to the bucket; it gives the key. */
async function happen(random: () => number, desks: readonly IndexDesk[]): Promise<string> {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!
  const one = pick(built)
  const key = `${pick(prefixes)}/${one.file}`
  const chance = random()
  // Other bytes under a name are those of another version, or rubbish.
  const bytes = chance < 0.9 ? one.bytes : chance < 0.95 ? pick(built).bytes : Buffer.from('rubbish')
  const isGone = random() < 0.35
  const isTold = random() < 0.3 && bytes === one.bytes
  for (const desk of desks) {
    desk.clock.set(desk.clock.now() + 10_000)
    if (isGone) await desk.bucket.delete(key)
    else {
      const { size, etag } = await desk.bucket.put(key, bytesOf(bytes))
      if (isTold) await putNote(desk.context, [{ key, size, etag, digest: one.digest, uploaded: '2020-01-02T03:04:05Z', yanked: 'told' }])
    }
  }
  return key
}

async function catalogues(desk: IndexDesk): Promise<unknown> {
  const state = (await readIndex(desk.context))?.state.prefixes
  return Object.fromEntries(Object.entries(state ?? {}).map(([prefix, { kept: _kept, ...rest }]) => [prefix, rest]))
}

test('events end in the same bucket and the same catalogues as full publications, byte for byte, whatever happens in whatever order', async () => {
  for (let run = 0; run < runs; run++) {
    const seed = testSeed + run
    const random = seededRandom(seed)
    const [full, few] = [indexDesk({ environment: { prefixes } }), indexDesk({ environment: { prefixes } })]
    try {
      for (let index = 0; index < 6; index++) await happen(random, [full, few])
      for (const desk of [full, few]) await publish(desk.context, { prefixes })
      for (let round = 0; round < 8; round++) {
        const keys: string[] = []
        for (let count = 1 + Math.floor(random() * 3); count > 0; count--) keys.push(await happen(random, [full, few]))
        await publish(full.context, { prefixes })
        // Events come twice, or late, or all at once.
        await publishKeys(few.context, random() < 0.5 ? keys : [...keys, ...keys])
        if (random() < 0.3) await publishKeys(few.context, keys.slice(0, 1))
        assert.deepEqual(await contentsOf(few.bucket), await contentsOf(full.bucket))
        assert.deepEqual(await catalogues(few), await catalogues(full))
      }
      const last = await publish(few.context, { prefixes })
      assert.ok(!last.hasMoved && last.prefixes.every(({ written, removed }) => written.length + removed.length === 0))
      for (const prefix of prefixes) await assertInLine(few.bucket, prefix)
    } catch (error) {
      throw new Error(`HOLDFAST_TEST_SEED=${seed}`, { cause: error })
    }
  }
})

test('the first event of a prefix publishes all of it', async () => {
  const desk = indexDesk()
  await desk.upload('v2', built[0]!, built[6]!)
  const done = await publishKeys(desk.context, [`v2/${built[0]!.file}`])
  assert.equal(done.prefixes[0]?.filesAdded.length, 2)
  await assertInLine(desk.bucket, 'v2')
})

test('an event beside one of another project that was not heard takes nothing for granted', async () => {
  const desk = indexDesk()
  await desk.upload('v2', built[0]!)
  await publish(desk.context, { prefixes: ['v2'] })
  await desk.upload('v2', built[1]!, built[6]!)
  await publishKeys(desk.context, [`v2/${built[1]!.file}`])
  const [done] = (await publish(desk.context, { prefixes: ['v2'] })).prefixes
  assert.deepEqual(done?.filesAdded, [built[6]!.file])
  await assertInLine(desk.bucket, 'v2')
})

test('events of one bucket at once end as one publication would', async () => {
  const desk = indexDesk()
  await desk.upload('v2', built[0]!)
  await publish(desk.context, { prefixes: ['v2'] })
  const good = built.filter(({ file }) => !file.includes('9.9'))
  await desk.upload('v2', ...good)
  const random = seededRandom(testSeed)
  await Promise.all(good.map(({ file }) => publishKeys({ ...desk.context, random }, [`v2/${file}`])))
  const alone = indexDesk({ bucket: createMemoryStore({ name: 'memory:bucket', clock: desk.clock }) })
  await alone.upload('v2', built[0]!)
  await alone.upload('v2', ...good)
  await publish(alone.context, { prefixes: ['v2'] })
  assert.deepEqual([...(await contentsOf(desk.bucket)).keys()], [...(await contentsOf(alone.bucket)).keys()])
  await assertInLine(desk.bucket, 'v2')
})
