import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { manualClock } from '../../../test/fakes/manual-clock.ts'
import { seededRandom, testSeed } from '../../../test/fakes/seeded-random.ts'
import { bytesOf, canonicalJson, type Digest, digestOf, isFault } from '../../kit/index.ts'
import { createMemoryStore, readAll } from '../../store/index.ts'
import { blobKey, copyStore, pinKey, putPin, putSnapshotRecord, repairObjects, snapshotKey, verifyObjects } from '../index.ts'
import { ensureStoreFormat } from '../format.ts'

const random = seededRandom(testSeed)

/** A store with a release of one artifact, a pinned one, and a copy of it. */
async function twoStores() {
  const clock = manualClock()
  const [store, backup] = [createMemoryStore({ clock }), createMemoryStore({ clock })]
  for (const one of [store, backup]) await ensureStoreFormat(one, { now: clock.now(), random })
  const add = async (text: string): Promise<{ blob: string; record: Digest }> => {
    const digest = digestOf(Buffer.from(text))
    await store.put(blobKey(digest), bytesOf(text), { digest })
    const record = await putSnapshotRecord(store, { format: 'holdfast-release/1', reaches: [{ kind: 'blob', digest }] } as never)
    return { blob: blobKey(digest), record }
  }
  const [named, pinned, garbage] = [await add('named'), await add('pinned'), await add('garbage')]
  const ref = 'refs/releases/lib/1.json'
  const text = canonicalJson({ format: 'holdfast-ref/1', reaches: [{ kind: 'snapshot', digest: named.record }], history: [{ id: '1' }] })
  await store.put(ref, bytesOf(text))
  await putPin(store, { id: 'kept', by: 'ann', at: '2025-01-15T00:00:00Z', reaches: [{ kind: 'snapshot', digest: pinned.record }] })
  await copyStore({ from: store, to: backup, clock, random, by: 'ann', trace: async function* () {} })
  const verify = () => verifyObjects(store, { readData: 1, random })
  const repair = async () => await repairObjects(store, await verify(), { clock, random, from: backup })
  return { store, backup, ref, named, pinned, garbage, verify, repair }
}

const all = async (found: ReturnType<typeof verifyObjects>) => {
  const { damaged, missing } = await found
  return { damaged, missing }
}

describe('verifying artifacts, records and names', () => {
  it('finds nothing where all is well', async () => {
    const { verify } = await twoStores()
    assert.deepEqual(await verify(), { blobs: 3, records: 3, readBytes: (await verify()).readBytes, damaged: [], missing: [] })
  })

  it('finds what refs and pins lead to and is not there, and misses nothing that nobody names', async () => {
    const { store, verify, named, pinned, garbage } = await twoStores()
    for (const key of [named.blob, pinned.blob, snapshotKey(pinned.record), garbage.blob]) await store.delete(key)
    // What a lost record would have led to is not known.
    assert.deepEqual(await all(verify()), { damaged: [], missing: [named.blob, snapshotKey(pinned.record)].toSorted() })
  })

  it('finds what has other bytes than its name says, and a ref that cannot be understood', async () => {
    const { store, verify, ref, named, pinned } = await twoStores()
    await store.put(named.blob, bytesOf('nemad'))
    await store.put(snapshotKey(pinned.record), bytesOf('{}'))
    await store.put(ref, bytesOf('\0\0\0'))
    assert.deepEqual((await verify()).damaged, [named.blob, ref, snapshotKey(pinned.record)].toSorted())
  })

  it('finds a record that is none under its right name, and goes on', async () => {
    const { store, verify, named } = await twoStores()
    const junk = bytesOf('no record')
    const key = snapshotKey(digestOf(Buffer.from('no record')))
    await store.put(key, junk)
    await store.put(named.blob, bytesOf('nemad'))
    assert.deepEqual((await verify()).damaged, [named.blob, key].toSorted())
  })

  it('does not pass over a record of a format to come', async () => {
    const { store, verify, ref } = await twoStores()
    await store.put(ref, bytesOf('{"format":"holdfast-ref/2","reaches":[]}'))
    await assert.rejects(verify(), (error) => isFault(error, 'unsupported') && error.message.includes('holdfast-ref/2'))
  })
})

describe('repairing artifacts, records and names', () => {
  it('brings back what the other store has, and puts aside what was damaged', async () => {
    const { store, verify, repair, ref, named, pinned } = await twoStores()
    await store.put(named.blob, bytesOf('nemad'))
    await store.put(ref, bytesOf('\0\0\0'))
    await store.put(pinKey('kept'), bytesOf('{'))
    for (const key of [pinned.blob, snapshotKey(named.record)]) await store.delete(key)
    const first = await repair()
    assert.deepEqual(first.lost, [])
    assert.equal(first.restored.length, 5, 'also what is missing behind a name that came back')
    assert.deepEqual(first.quarantined, [`quarantine/${named.blob}`, `quarantine/${pinKey('kept')}`, `quarantine/${ref}`])
    assert.deepEqual(await all(verify()), { damaged: [], missing: [] })
    assert.equal(Buffer.from((await readAll(store, named.blob, { limit: 100 })).bytes).toString(), 'named')
  })

  it('takes nothing that is damaged there too, and leaves what is damaged here where it is', async () => {
    const { store, backup, verify, repair, named } = await twoStores()
    await store.put(named.blob, bytesOf('nemad'))
    await backup.put(named.blob, bytesOf('naned'))
    assert.deepEqual(await repair(), { restored: [], lost: [named.blob], quarantined: [] })
    assert.deepEqual((await verify()).damaged, [named.blob])
  })
})
