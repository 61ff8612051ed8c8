import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesOf, bytesOnce, collect, type Fault, isFault, systemClock } from '../../kit/index.ts'
import { hastyClock } from '../../../test/fakes/hasty-clock.ts'
import { openReader, readAll } from '../derive.ts'
import { createMemoryStore } from '../drivers/memory.ts'
import type { ObjectStore } from '../store.ts'
import { faultyStore, type PlannedFault, plannedFaults } from './faulty.ts'
import { retryingStore } from './retrying.ts'

function storeWith(...faults: PlannedFault[]) {
  const plain = createMemoryStore({ clock: systemClock })
  const memory: ObjectStore = { ...plain, reader: (key, options) => openReader(plain, key, options) }
  const plan = plannedFaults(...faults)
  const waits: number[] = []
  const onRetry = (_fault: Fault, _attempt: number, wait: number) => void waits.push(wait)
  const clock = hastyClock(0)
  const policy = { clock, random: () => 0.5, attempts: 4, base: 100, cap: 1000, onRetry }
  return { memory, plan, waits, store: retryingStore(faultyStore(memory, plan, clock), policy) }
}

const unavailable = (error: unknown) => isFault(error, 'unavailable')

test('a read that breaks goes on where it broke', async () => {
  const { memory, plan, store, waits } = storeWith({ on: 'get', nth: 1, fault: 'truncated' }, { on: 'get', nth: 2, fault: 'error-before' })
  const content = new Uint8Array(5 << 20).map((_, index) => index % 251)
  await memory.put('x', bytesOf(content))
  const { bytes } = await readAll(store, 'x', { limit: 6 << 20 })
  assert.ok(Buffer.compare(bytes, content) === 0)
  assert.equal(waits.length, 2)
  plan.assertUsed()
})

test('a read that breaks does not go on with another version', async () => {
  const { memory, store } = storeWith({ on: 'get', nth: 1, fault: 'truncated' })
  await memory.put('x', bytesOf('the old version'))
  const body = await store.get('x')
  await memory.put('x', bytesOf('the new version'))
  await assert.rejects(collect(body, 100), (error) => isFault(error, 'precondition'))
})

test('a range that breaks goes on within the range', async () => {
  const { memory, store } = storeWith({ on: 'get', nth: 1, fault: 'truncated' })
  await memory.put('x', bytesOf('0123456789'))
  const body = await store.get('x', { range: { start: 2, end: 8 } })
  assert.equal(Buffer.from(await collect(body, 100)).toString(), '234567')
})

test('a listing that breaks goes on after its last key', async () => {
  const { memory, plan, store } = storeWith({ on: 'list', nth: 1, fault: 'error-after' }, { on: 'list', nth: 2, fault: 'error-before' })
  const keys = ['a', 'b', 'c', 'd', 'e', 'f']
  for (const key of keys) await memory.put(key, bytesOf(''))
  assert.deepEqual(
    (await Array.fromAsync(store.list(''))).map(({ key }) => key),
    keys,
  )
  plan.assertUsed()
})

test('a plain put is tried again, with waits that grow, until the tries are used up', async () => {
  const every = [1, 2, 3, 4].map((nth) => ({ on: 'put', nth, fault: 'error-before' }) as const)
  const { store, waits, plan } = storeWith(...every)
  await assert.rejects(store.put('x', bytesOf('x')), unavailable)
  assert.deepEqual(waits, [50, 100, 200])
  plan.assertUsed()
  await store.put('x', bytesOf('x'))
})

test('a put with a condition is not tried again: its first try may have succeeded unheard', async () => {
  for (const fault of ['error-before', 'error-after'] as const) {
    const { store, memory, waits } = storeWith({ on: 'put', nth: 1, fault })
    await assert.rejects(store.put('x', bytesOf('x'), { if: 'absent' }), unavailable)
    assert.deepEqual(waits, [])
    assert.equal((await memory.head('x')) !== undefined, fault === 'error-after')
  }
})

test('a put of a body that can be read once is not tried again', async () => {
  const { store, waits } = storeWith({ on: 'put', nth: 1, fault: 'error-before' })
  await assert.rejects(store.put('x', bytesOnce(bytesOf('x'))), unavailable)
  assert.deepEqual(waits, [])
})

test('what is wrong for good is not tried again', async () => {
  const { store, waits } = storeWith()
  await assert.rejects(store.get('missing'), (error) => isFault(error, 'not-found'))
  await assert.rejects(store.head('not//a key'), (error) => isFault(error, 'invalid'))
  assert.deepEqual(waits, [])
})

test('a reader that breaks is opened again at the same version', async () => {
  const { memory, plan, store, waits } = storeWith({ on: 'get', nth: 1, fault: 'truncated' }, { on: 'get', nth: 2, fault: 'truncated' })
  await memory.put('x', bytesOf('0123456789'))
  const reader = await openReader(store, 'x')
  assert.equal(Buffer.from(await reader.read(2, 5)).toString(), '234')
  assert.equal(waits.length, 2)
  plan.assertUsed()
})

test('a reader that breaks does not go on with another version', async () => {
  const { memory, store } = storeWith({ on: 'get', nth: 1, fault: 'truncated' })
  await memory.put('x', bytesOf('the old version'))
  const reader = await openReader(store, 'x')
  await memory.put('x', bytesOf('the new version'))
  await assert.rejects(reader.read(0, 3), (error) => isFault(error, 'precondition'))
})
