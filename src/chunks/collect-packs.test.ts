import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type ChunkDesk, chunkDesk, keepTree, putTreeRef, readAllOf, traceTree } from '../../test/fakes/chunk-desk.ts'
import { seededRandom, testSeed } from '../../test/fakes/seeded-random.ts'
import { jitteryStore, raceChunks } from '../../test/faults/chunk-race.ts'
import { bytesOf, type Digest, digestOf, isFault } from '../kit/index.ts'
import { createMemoryStore, type ObjectStore } from '../store/index.ts'
import { condemnedPrefix } from './condemned.ts'
import { collect, type CollectOptions, openChunkReader } from './index.ts'

const hour = 3_600_000
const grace = 24 * hour

interface PruneDesk extends ChunkDesk {
  later(ms: number): void
  prune(options?: Partial<CollectOptions>): ReturnType<typeof collect>
  keys(prefix: string): Promise<string[]>
}

async function atDesk(work: (desk: PruneDesk) => Promise<void>): Promise<void> {
  const desk = await chunkDesk()
  const { store, clock, random } = desk
  try {
    await work({
      ...desk,
      later: (ms) => clock.set(clock.now() + ms),
      prune: (options = {}) => collect({ store, clock, random, grace, trace: traceTree, ...options }),
      keys: async (prefix) => (await Array.fromAsync(store.list(prefix))).map(({ key }) => key),
    })
  } finally {
    await desk.remove()
  }
}

const text = (words: string) => Buffer.from(words.repeat(50))

async function isReadable(store: ObjectStore, ids: readonly Digest[]): Promise<boolean> {
  const reader = await openChunkReader(store)
  return await readAllOf(reader, ids).then(
    () => true,
    () => false,
  )
}

describe('a prune of packs', () => {
  it('keeps what trees reach, and deletes the packs of others a grace period after they were condemned', () =>
    atDesk(async ({ open, store, later, prune, keys }) => {
      const kept = await keepTree(await open(), 'kept', [text('kept'), text('shared')])
      const lost = await keepTree(await open(), 'lost', [text('lost'), text('shared')])
      await putTreeRef(store, 'lost', undefined)
      later(2 * grace)
      const first = await prune()
      assert.deepEqual([first.condemned.objects, first.deleted.objects], [1, 0])
      assert.ok(await isReadable(store, lost.ids))
      later(grace + hour)
      const second = await prune()
      assert.deepEqual([second.condemned.objects, second.deleted.objects, (await keys('packs/')).length], [0, 1, 1])
      assert.ok(await isReadable(store, [kept.root, ...kept.ids]))
      assert.equal(await isReadable(store, lost.ids), false)
      assert.equal((await open()).has(lost.ids[0]!), false)
      assert.deepEqual([(await prune()).condemned.objects, await keys(condemnedPrefix)], [0, []])
    }))

  it('does not judge young packs, and as a dry run writes nothing', () =>
    atDesk(async ({ open, store, later, prune, keys }) => {
      await keepTree(await open(), 'a', [text('a')])
      await putTreeRef(store, 'a', undefined)
      assert.equal((await prune()).young, 1)
      later(2 * grace)
      const before = await keys('')
      assert.equal((await prune({ dryRun: true })).condemned.objects, 1)
      assert.deepEqual(await keys(''), before)
    }))

  it('waits for writers that may rely on what it has condemned, and spares what they have used', () =>
    atDesk(async ({ open, store, clock, later, prune }) => {
      const { ids } = await keepTree(await open(), 'a', [text('a')])
      await putTreeRef(store, 'a', undefined)
      later(2 * grace)
      const chunks = await open()
      const writer = await chunks.startWriter({ by: 'ann' })
      assert.equal((await prune({ grace: 0 })).waiting, 1)
      clock.set(clock.now() + 10 * 60_000)
      assert.equal((await prune({ grace: 0 })).waiting, 1)
      assert.ok(writer.has(ids[0]!))
      const root = await writer.addBytes(Buffer.from(JSON.stringify(ids)), 'node')
      assert.equal((await writer.finish()).stored, 0)
      await writer.publish(() => putTreeRef(store, 'a', root))
      const { deleted, waiting } = await prune({ grace: 0 })
      assert.deepEqual([deleted.objects, waiting], [0, 0])
      assert.ok(await isReadable(store, [root, ...ids]))
    }))

  it('makes later writers store anew what it has condemned', () =>
    atDesk(async ({ open, store, later, prune }) => {
      const first = await keepTree(await open(), 'a', [text('a')])
      await putTreeRef(store, 'a', undefined)
      later(2 * grace)
      await prune()
      const chunks = await open()
      assert.equal(chunks.has(first.ids[0]!), false)
      const second = await keepTree(chunks, 'b', [text('a')])
      assert.deepEqual(second.ids, first.ids)
      later(grace + hour)
      assert.equal((await prune()).deleted.objects, 1)
      assert.ok(await isReadable(store, [second.root, ...second.ids]))
    }))

  it('revokes a lease that has run out; its writer cannot publish', () =>
    atDesk(async ({ open, store, clock, later, prune, keys }) => {
      await keepTree(await open(), 'a', [text('a')])
      await putTreeRef(store, 'a', undefined)
      later(2 * grace)
      const asleep = await (await open()).startWriter({ by: 'a laptop' })
      const slow = await (await open()).startWriter({ by: 'a slow clock' })
      await asleep.finish()
      await slow.finish()
      assert.equal((await prune({ grace: 0 })).waiting, 1)
      const before = clock.now()
      clock.set(before + 2 * hour)
      assert.equal((await prune({ grace: 0 })).deleted.objects, 1)
      await assert.rejects(
        asleep.publish(async () => assert.fail('it was published')),
        (error) => isFault(error, 'busy'),
      )
      clock.set(before + hour / 4)
      await assert.rejects(
        slow.publish(async () => assert.fail('it was published')),
        (error) => isFault(error, 'busy'),
      )
      await asleep.abort()
      await slow.abort()
      assert.deepEqual(await keys('leases/'), [])
    }))

  it('packs anew what is left of sparse packs; who has read the indexes before finds it too', () =>
    atDesk(async ({ open, store, later, prune, keys }) => {
      const chunks = await open()
      const noise = Array.from({ length: 6 }, (_, index) => Buffer.from(seededRandom(index)().toString().repeat(100)))
      const { ids } = await keepTree(chunks, 'many', noise)
      const { root } = await keepTree(chunks, 'one', [noise[3]!])
      await putTreeRef(store, 'many', undefined)
      const early = await openChunkReader(store)
      later(2 * grace)
      const first = await prune()
      assert.deepEqual([first.repacked.objects, first.condemned.objects], [1, 1])
      later(grace + hour)
      assert.equal((await prune()).deleted.objects, 1)
      assert.ok(await isReadable(store, [root, ids[3]!]))
      assert.equal(digestOf(await early.read(ids[3]!)), ids[3])
      assert.equal(await isReadable(store, [ids[0]!]), false)
      assert.equal((await prune()).repacked.objects, 0)
      assert.equal((await keys('packs/')).length, 2)
    }))

  it('makes one index of many', () =>
    atDesk(async ({ open, store, prune, keys }) => {
      const chunks = await open()
      const all: Digest[] = []
      for (let index = 0; index < 30; index++) all.push(...(await keepTree(chunks, `t${index}`, [text(`content ${index}`)])).ids)
      assert.equal((await keys('index/')).length, 30)
      await prune()
      assert.equal((await keys('index/')).length, 1)
      assert.ok(await isReadable(store, all))
      assert.ok(all.every((id) => chunks.has(id)))
    }))

  it('removes what a killed writer has left, and what was declared gone and not yet deleted', () =>
    atDesk(async ({ open, store, later, prune, keys }) => {
      const chunks = await open()
      await keepTree(chunks, 'a', [text('a')])
      await putTreeRef(store, 'a', undefined)
      const [pack] = await keys('packs/')
      await store.put('packs/00/' + '0'.repeat(64), bytesOf('half a pack'))
      later(2 * grace)
      const dying = { ...store, delete: () => Promise.reject(new Error('killed')) }
      await assert.rejects(prune({ grace: 0, store: dying }))
      assert.ok((await keys('packs/')).includes(pack!))
      assert.equal((await open()).has(digestOf(text('a'))), false)
      later(hour)
      await prune({ grace: 0 })
      assert.deepEqual(await keys('packs/'), [])
    }))

  for (const [what, harm] of [
    ['a chunk is missing', async (store: ObjectStore) => putTreeRef(store, 'bad', digestOf('absent'))],
    [
      'an index is damaged',
      async (store: ObjectStore) => {
        for await (const { key } of store.list('index/')) await store.put(key, bytesOf('damaged'))
      },
    ],
  ] as const) {
    it(`deletes nothing where ${what}`, () =>
      atDesk(async ({ open, store, later, prune, keys }) => {
        await keepTree(await open(), 'a', [text('a')])
        await putTreeRef(store, 'a', undefined)
        await harm(store)
        later(2 * grace)
        await assert.rejects(prune({ grace: 0 }), (error) => isFault(error, 'corrupt'))
        assert.equal((await keys('packs/')).length, 1)
      }))
  }

  it('deletes nothing where it cannot follow trees', () =>
    atDesk(async ({ open, later, prune, keys }) => {
      await keepTree(await open(), 'a', [text('a')])
      later(2 * grace)
      await assert.rejects(prune({ grace: 0, trace: undefined }), (error) => isFault(error, 'unsupported'))
      assert.equal((await keys('packs/')).length, 1)
    }))
})

describe('eight writers and a pruner at once', () => {
  it('lose nothing', async () => {
    for (let round = 0; round < 4; round++) {
      const seed = testSeed + round
      const desk = await chunkDesk()
      const store = jitteryStore(createMemoryStore({ clock: desk.clock }), seededRandom(seed))
      await desk.open({}, store)
      const { prunes, published } = await raceChunks({ store, clock: desk.clock, seed, writers: 8, rounds: 6 })
      assert.ok(published === 48 && prunes > 2, `${published} published, ${prunes} prunes, seed ${seed}`)
      await desk.remove()
    }
  })
})
