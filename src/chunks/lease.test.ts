import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { hastyClock } from '../../test/fakes/hasty-clock.ts'
import { seededRandom } from '../../test/fakes/seeded-random.ts'
import { Fault, isFault } from '../kit/index.ts'
import { createMemoryStore, type ObjectStore } from '../store/index.ts'
import { listLeases, takeLease } from './lease.ts'

const minute = 60_000
const isBusy = (error: unknown) => isFault(error, 'busy')

function setUp(wrap: (store: ObjectStore) => ObjectStore = (store) => store) {
  const clock = hastyClock(Date.parse('2025-01-15T00:00:00Z'))
  const inner = createMemoryStore({ clock })
  const store = wrap(inner)
  const take = () => takeLease(store, { clock, random: seededRandom(1), by: 'ann@host' })
  const live = (mayRevoke = true) => listLeases(inner, clock, { mayRevoke })
  return { clock, inner, take, live, later: (minutes: number) => clock.set(clock.now() + minutes * minute) }
}

describe('a lease', () => {
  it('stands for an hour, and for another one from each renewal', async () => {
    const { take, live, later } = setUp()
    const lease = await take()
    for (let time = 0; time < 6; time++) {
      later(30)
      await lease.keep()
      await lease.confirm()
      assert.deepEqual([...(await live())], [lease.id])
    }
    await lease.release()
    assert.equal((await live()).size, 0)
  })

  it('that ran out is lost for its holder at once, and for others after ten minutes', async () => {
    const { take, live, later } = setUp()
    const lease = await take()
    later(61)
    await assert.rejects(lease.keep(), isBusy)
    await assert.rejects(lease.confirm(), isBusy)
    assert.equal((await live()).size, 1)
    later(10)
    assert.equal((await live(false)).size, 1)
    assert.equal((await live()).size, 0)
  })

  it('that was revoked cannot be renewed, whatever the clock of its holder says', async () => {
    const { take, live, later, clock } = setUp()
    const lease = await take()
    later(80)
    assert.equal((await live()).size, 0)
    clock.set(clock.now() - 60 * minute)
    await assert.rejects(lease.keep(), isBusy)
    await assert.rejects(lease.confirm(), isBusy)
    assert.equal((await live()).size, 0)
    await assert.rejects(lease.confirm(), isBusy)
  })

  it('is renewed once by many who ask at once', async () => {
    let puts = 0
    const { take, later } = setUp((store) => ({ ...store, put: (...args) => (puts++, store.put(...args)) }))
    const lease = await take()
    later(40)
    await Promise.all(Array.from({ length: 8 }, () => lease.keep()))
    assert.equal(puts, 2)
  })

  it('survives answers that get lost and are asked for again', async () => {
    const { take, later, live } = setUp((store) => ({
      ...store,
      async put(...args) {
        await store.put(...args)
        // As a wrapper that repeats what failed: the first attempt was applied.
        return await store.put(...args).catch((error: unknown) => Promise.reject(isFault(error) ? error : new Fault('bug', 'unexpected')))
      },
    }))
    const lease = await take()
    later(40)
    await lease.keep()
    later(40)
    await lease.confirm()
    assert.deepEqual([...(await live())], [lease.id])
  })
})
