import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesOf, collect, isFault, systemClock } from '../../kit/index.ts'
import { hastyClock } from '../../../test/fakes/hasty-clock.ts'
import { seededRandom } from '../../../test/fakes/seeded-random.ts'
import { createMemoryStore } from '../drivers/memory.ts'
import { faultyStore, type PlannedFault, plannedFaults, randomFaults } from './faulty.ts'

function faulty(...faults: PlannedFault[]) {
  const memory = createMemoryStore({ clock: systemClock })
  const plan = plannedFaults(...faults)
  return { memory, plan, store: faultyStore(memory, plan, hastyClock(0)) }
}

const unavailable = (error: unknown) => isFault(error, 'unavailable')
const keys = async (infos: AsyncIterable<{ key: string }>) => (await Array.fromAsync(infos)).map(({ key }) => key)

test('a planned fault that nothing reached is a failure', async () => {
  const { store, plan } = faulty({ on: 'put', nth: 2, fault: 'error-before' })
  await store.put('a', bytesOf(''))
  assert.throws(() => plan.assertUsed(), /error-before in put/)
  await assert.rejects(store.put('b', bytesOf('')), unavailable)
  plan.assertUsed()
})

test('a fault that cannot happen to an operation cannot be planned', () => {
  assert.throws(
    () => plannedFaults({ on: 'head', nth: 1, fault: 'truncated' }),
    (error) => isFault(error, 'invalid'),
  )
})

test('an error before leaves nothing done, and one after leaves it done', async () => {
  const { store, memory } = faulty({ on: 'put', nth: 1, fault: 'error-before' }, { on: 'put', nth: 2, fault: 'error-after' })
  await assert.rejects(store.put('a', bytesOf('')), unavailable)
  assert.equal(await memory.head('a'), undefined)
  await assert.rejects(store.put('a', bytesOf('')), unavailable)
  assert.notEqual(await memory.head('a'), undefined)
})

test('bodies end early or have a wrong byte, and say nothing', async () => {
  const { store } = faulty({ on: 'get', nth: 1, fault: 'truncated' }, { on: 'get', nth: 2, fault: 'corrupted' })
  await store.put('a', bytesOf('0123456789'))
  const read = async () => Buffer.from(await collect(await store.get('a'), 100)).toString()
  assert.equal(await read(), '01234')
  assert.equal(await read(), '0123446789')
  assert.equal(await read(), '0123456789')
})

test('a stale listing does not know what was made or deleted lately', async () => {
  const { store, memory } = faulty({ on: 'list', nth: 1, fault: 'stale' })
  for (const key of ['a', 'b', 'c']) await memory.put(key, bytesOf(''))
  await store.put('new', bytesOf(''))
  await store.put('a', bytesOf('again'))
  await store.delete('b')
  assert.deepEqual(await keys(store.list('')), ['a', 'b', 'c'])
  assert.deepEqual(await keys(store.list('')), ['a', 'c', 'new'])
})

test('a put that is delivered twice is done twice, and a condition holds all the same', async () => {
  const { store, memory } = faulty({ on: 'put', nth: 1, fault: 'duplicated' }, { on: 'put', nth: 2, fault: 'duplicated' })
  const twice = await store.put('a', bytesOf('x'))
  assert.equal((await memory.head('a'))?.etag, twice.etag)
  const once = await store.put('b', bytesOf('x'), { if: 'absent' })
  assert.equal((await memory.head('b'))?.etag, once.etag)
})

test('random faults follow from their seed', async () => {
  const outcomes = async () => {
    const plan = randomFaults({ random: seededRandom(7), rate: 0.5, faults: ['error-before'] })
    const store = faultyStore(createMemoryStore({ clock: systemClock }), plan, hastyClock(0))
    return (await Promise.allSettled(Array.from({ length: 30 }, () => store.head('a')))).map(({ status }) => status)
  }
  assert.deepEqual(await outcomes(), await outcomes())
  assert.ok(new Set(await outcomes()).size === 2)
})
