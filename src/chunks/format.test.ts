import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { hastyClock } from '../../test/fakes/hasty-clock.ts'
import { seededRandom } from '../../test/fakes/seeded-random.ts'
import { bytesOf, isFault } from '../kit/index.ts'
import { createMemoryStore } from '../store/index.ts'
import { ensureStoreFormat, formatKey, readStoreFormat } from './index.ts'

const now = Date.parse('2025-01-15T00:00:00Z')
const open = () => createMemoryStore({ clock: hastyClock(now) })

describe('the record of a store', () => {
  it('is made once; of eight makers one makes it and all get the same', async () => {
    const store = open()
    assert.equal(await readStoreFormat(store), undefined)
    const made = await Promise.all(Array.from({ length: 8 }, (_, seed) => ensureStoreFormat(store, { now, random: seededRandom(seed) })))
    assert.equal(made.filter(({ isNew }) => isNew).length, 1)
    assert.equal(new Set(made.map(({ format }) => format.id)).size, 1)
    assert.match(made[0]!.format.id, /^[0-9a-f]{32}$/)
  })

  it('of a newer version is refused by name', async () => {
    const store = open()
    await store.put(formatKey, bytesOf('{"format":"holdfast-store/2","id":"x"}'))
    await assert.rejects(
      ensureStoreFormat(store, { now, random: seededRandom(1) }),
      (error) => isFault(error, 'unsupported') && error.message.includes('holdfast-store/2'),
    )
  })

  it('that is damaged is corrupt, and is not made anew', async () => {
    const store = open()
    await store.put(formatKey, bytesOf('{"format":'))
    await assert.rejects(ensureStoreFormat(store, { now, random: seededRandom(1) }), (error) => isFault(error, 'corrupt'))
  })

  it('may have members that this version does not know', async () => {
    const store = open()
    const { format } = await ensureStoreFormat(store, { now, random: seededRandom(1) })
    await store.put(formatKey, bytesOf(JSON.stringify({ ...format, chunking: { average: 1 } })))
    assert.equal((await readStoreFormat(store))?.id, format.id)
  })
})
