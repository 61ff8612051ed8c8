import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { keepTree, putTreeRef, readAllOf, traceTree } from '../../test/fakes/chunk-desk.ts'
import { hastyClock } from '../../test/fakes/hasty-clock.ts'
import { seededRandom } from '../../test/fakes/seeded-random.ts'
import { dyingStore } from '../../test/faults/dying-store.ts'
import { bytesOf, type Digest } from '../kit/index.ts'
import { createMemoryStore, type ObjectStore, readAll } from '../store/index.ts'
import { condemnedPrefix } from './condemned.ts'
import { collect, openChunkReader, openChunkStore } from './index.ts'

const hour = 3_600_000
const text = (words: string) => Buffer.from(words.repeat(50))

interface Scene {
  readonly store: ObjectStore
  readonly later: (ms: number) => void
  readonly clock: ReturnType<typeof hastyClock>
  /** Trees that must stay, whatever happens. */
  readonly kept: Digest[]
}

const start = Date.parse('2025-01-15T00:00:00Z')

/** A store with two trees, one of which is forgotten, with packs of which little is needed, and with many indexes. */
async function paintScene(): Promise<{ readonly objects: readonly (readonly [string, Uint8Array])[]; readonly kept: Digest[] }> {
  const store = createMemoryStore({ clock: hastyClock(start) })
  const chunks = await openChunkStore(store, { clock: hastyClock(start), random: seededRandom(1), workers: 0 })
  const old = await keepTree(chunks, 'old', [text('old'), text('both')])
  const noise = Array.from({ length: 6 }, (_, index) => Buffer.from(seededRandom(index)().toString().repeat(100)))
  await keepTree(chunks, 'forgotten', noise)
  const part = await keepTree(chunks, 'part', [noise[2]!])
  for (let index = 0; index < 24; index++) await keepTree(chunks, 'moving', [text(`state ${index}`)])
  await putTreeRef(store, 'forgotten', undefined)
  const keys = (await Array.fromAsync(store.list(''))).map(({ key }) => key)
  const objects = await Promise.all(keys.map(async (key) => [key, (await readAll(store, key, { limit: 1 << 20 })).bytes] as const))
  return { objects, kept: [old.root, ...old.ids, part.root, ...part.ids] }
}

const painted = paintScene()

async function setScene(): Promise<Scene> {
  const { objects, kept } = await painted
  const clock = hastyClock(start)
  const store = createMemoryStore({ clock })
  for (const [key, bytes] of objects) await store.put(key, bytesOf(bytes))
  clock.set(start + 48 * hour)
  return { store, clock, later: (ms) => clock.set(clock.now() + ms), kept }
}

async function checkKept({ store, kept }: Scene, what: string): Promise<void> {
  const reader = await openChunkReader(store, { workers: 0 })
  await assert.doesNotReject(readAllOf(reader, kept), what)
}

const keysOf = async (store: ObjectStore, prefix: string) => (await Array.fromAsync(store.list(prefix))).map(({ key }) => key)

async function pruneAll({ store, clock, later }: Scene): Promise<void> {
  for (let time = 0; time < 3; time++) {
    later(2 * hour)
    await collect({ store, clock, random: seededRandom(time), grace: hour, trace: traceTree })
  }
}

/** Runs the work with every possible moment of death, until it lives through. Dying after an operation is dying before the next one. */
async function atEveryMoment(
  run: (scene: Scene, mortal: ObjectStore) => Promise<unknown>,
  check: (scene: Scene, what: string) => Promise<void>,
): Promise<number> {
  for (let at = 1; ; at++) {
    const when = at % 2 === 0 ? 'before' : 'after'
    const scene = await setScene()
    const mortal = dyingStore(scene.store, at, when)
    const end = await Promise.race([run(scene, mortal.store), mortal.died])
    await check(scene, `died ${when} operation ${at}`)
    if (end !== 'died') return at
  }
}

describe('a writer that dies at any operation', () => {
  it('leaves what was finished readable; another one finishes; prunes remove the rest', async () => {
    const moments = await atEveryMoment(
      async ({ clock }, store) => {
        const chunks = await openChunkStore(store, { clock, random: seededRandom(7), workers: 0 })
        await keepTree(chunks, 'new', [text('new'), text('both')])
      },
      async (scene, what) => {
        await checkKept(scene, what)
        const { store, clock } = scene
        const chunks = await openChunkStore(store, { clock, random: seededRandom(8), workers: 0 })
        const { root, ids } = await keepTree(chunks, 'new', [text('new'), text('both')])
        await pruneAll(scene)
        await checkKept({ ...scene, kept: [...scene.kept, root, ...ids] }, what)
        assert.deepEqual([await keysOf(store, 'leases/'), await keysOf(store, condemnedPrefix)], [[], []], what)
        const reader = await openChunkReader(store, { workers: 0 })
        const known = new Set((await keysOf(store, 'packs/')).map((key) => key.slice(-64)))
        for (const id of [root, ...ids]) assert.ok(known.has(reader.locate(id)!.pack.slice(7)), what)
      },
    )
    assert.ok(moments > 12, `${moments} operations`)
  })
})

describe('a prune that dies at any operation', () => {
  it('leaves what is reached readable; the next ones finish its work', async () => {
    const undisturbed = await setScene()
    await pruneAll(undisturbed)
    const expected = (await keysOf(undisturbed.store, 'packs/')).length
    const moments = await atEveryMoment(
      async ({ store: _, clock }, mortal) => await collect({ store: mortal, clock, random: seededRandom(7), grace: 0, trace: traceTree }),
      async (scene, what) => {
        await checkKept(scene, what)
        await pruneAll(scene)
        await checkKept(scene, what)
        assert.equal((await keysOf(scene.store, 'packs/')).length, expected, what)
        assert.deepEqual(await keysOf(scene.store, condemnedPrefix), [], what)
      },
    )
    assert.ok(moments > 60, `${moments} operations`)
  })
})
