import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chunkDesk, keepTree, randomBytes } from '../../../test/fakes/chunk-desk.ts'
import { testSeed } from '../../../test/fakes/seeded-random.ts'
import { bytesOf, digestOf } from '../../kit/index.ts'
import { type ObjectStore, readAll } from '../../store/index.ts'
import { blobKey, type Part, snapshotKey, verifyObjects, verifyPacks } from '../index.ts'

test(`parts of a store find together what a look at all of it finds, and each thing once (seed ${testSeed})`, async () => {
  const desk = await chunkDesk()
  const { store, random } = desk
  try {
    for (let tree = 0; tree < 12; tree++)
      await keepTree(await desk.open(), `tree ${tree}`, [randomBytes(3000, random), Buffer.from(`${tree}`)])
    for (let at = 0; at < 40; at++) {
      const bytes = randomBytes(500, random)
      await store.put(blobKey(digestOf(bytes)), bytesOf(bytes))
    }
    const record = Buffer.from('{"reaches":[]}')
    await store.put(snapshotKey(digestOf(record)), bytesOf(record))
    await spoilSome(store, random)
    const whole = await look(store, 1)
    assert.ok(whole.damage.length > 5, 'there is something to find')
    for (const width of [1, 2, 3, 7, 16, 50]) {
      const parts = await Promise.all(Array.from({ length: width }, (_part, at) => look(store, { number: at + 1, of: width })))
      for (const count of ['packs', 'chunks', 'read', 'blobs', 'records', 'readBytes'] as const) {
        assert.equal(
          parts.reduce((sum, part) => sum + part[count], 0),
          whole[count],
          `${count} of ${width} parts`,
        )
      }
      assert.deepEqual(parts.flatMap(({ damage }) => damage).toSorted(), whole.damage.toSorted(), `damage of ${width} parts`)
    }
  } finally {
    await desk.remove()
  }
})

async function look(store: ObjectStore, readData: number | Part) {
  const packs = await verifyPacks(store, { random: () => 0, readData })
  const objects = await verifyObjects(store, { random: () => 0, readData })
  const damage = [...packs.damage.map(({ kind, key }) => `${kind} ${key}`), ...objects.damaged.map((key) => `object ${key}`)]
  return { ...packs, ...objects, damage }
}

/** Bits flip, packs go, and what nobody knows comes. */
async function spoilSome(store: ObjectStore, random: () => number): Promise<void> {
  const keys = (await Array.fromAsync(store.list(''))).map(({ key }) => key).filter((key) => /^(packs|blobs|snapshots)\//.test(key))
  for (const key of keys) {
    const lot = random()
    if (lot < 0.1) await store.delete(key)
    else if (lot < 0.4)
      await store.put(key, bytesOf((await readAll(store, key, { limit: 1 << 20 })).bytes.map((byte, at) => byte ^ (at === 9 ? 4 : 0))))
  }
  await store.put(`packs/00/${'0'.repeat(64)}`, bytesOf('a stray'))
  await store.put('music.mp3', bytesOf('la la la'))
}
