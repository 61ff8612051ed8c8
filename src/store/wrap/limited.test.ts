import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesFrom, bytesOf, collect, isFault, systemClock } from '../../kit/index.ts'
import { hastyClock } from '../../../test/fakes/hasty-clock.ts'
import { copy } from '../derive.ts'
import { createMemoryStore } from '../drivers/memory.ts'
import { createByteRate, limitedStore } from './limited.ts'

test('in the long run bytes go by at the rate, read and written together, over all stores that share it', async () => {
  const clock = hastyClock(0)
  const rate = createByteRate(1 << 20, clock)
  const [one, two] = [1, 2].map(() => limitedStore(createMemoryStore({ clock }), { rate }))
  await one!.put('x', bytesOf(new Uint8Array(5 << 20)))
  await copy(one!, 'x', two!, 'x')
  assert.ok(clock.now() >= 14_500 && clock.now() <= 15_500, `15 MiB at 1 MiB/s took ${clock.now()} ms`)
})

test('no more calls are under way than allowed, and those that wait are served in turn', async () => {
  const memory = createMemoryStore({ clock: systemClock })
  let [now, most] = [0, 0]
  const counting = {
    ...memory,
    async put(...args: Parameters<typeof memory.put>) {
      most = Math.max(most, ++now)
      await new Promise((resolve) => setImmediate(resolve))
      now--
      return await memory.put(...args)
    },
  }
  const store = limitedStore(counting, { inFlight: 3 })
  const order: number[] = []
  await Promise.all(Array.from({ length: 20 }, async (_, index) => void order.push((await store.put(`k${index}`, bytesOf('')), index))))
  assert.equal(most, 3)
  assert.deepEqual(
    order,
    [...order].sort((a, b) => a - b),
  )
})

test('puts of bodies that are read from the same store do not wait for each other', async () => {
  const store = limitedStore(createMemoryStore({ clock: systemClock }), { inFlight: 1 })
  await store.put('source', bytesOf('content'))
  const body = bytesFrom(async function* () {
    yield* await store.get('source')
  })
  await Promise.all([1, 2, 3].map((index) => store.put(`copy-${index}`, body)))
  assert.equal(Buffer.from(await collect(await store.get('copy-3'), 100)).toString(), 'content')
})

test('whoever waits for a place leaves when its signal fires, and the place is not lost', async () => {
  const store = limitedStore(createMemoryStore({ clock: systemClock }), { inFlight: 1 })
  const gate = Promise.withResolvers<void>()
  const slow = bytesFrom(async function* () {
    await gate.promise
    yield new Uint8Array(1)
  })
  const first = store.put('first', slow)
  const controller = new AbortController()
  const second = store.put('second', bytesOf(''), { signal: controller.signal })
  const third = store.put('third', bytesOf(''))
  controller.abort()
  await assert.rejects(second, (error) => isFault(error, 'aborted'))
  gate.resolve()
  await Promise.all([first, third])
})
