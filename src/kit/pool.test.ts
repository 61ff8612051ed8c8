import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mapAhead } from './pool.ts'

test('results come in the order of the items, with so many pieces of work under way', async () => {
  const ends = new Map<number, () => void>()
  const results = mapAhead([1, 2, 3], 2, async (item) => {
    await new Promise<void>((resolve) => ends.set(item, resolve))
    return item * 10
  })
  const first = results.next()
  while (ends.size < 2) await Promise.resolve()
  ends.get(2)!()
  ends.get(1)!()
  assert.deepEqual(await first, { done: false, value: 10 })
  assert.equal(ends.size, 2, 'the third waits until there is room, and until it is asked for')
  const second = results.next()
  assert.deepEqual(await second, { done: false, value: 20 })
  const third = results.next()
  while (ends.size < 3) await Promise.resolve()
  ends.get(3)!()
  assert.deepEqual(
    [await third, await results.next()],
    [
      { done: false, value: 30 },
      { done: true, value: undefined },
    ],
  )
})

test('after a failure, or an early end, nothing is under way any more', async () => {
  let running = 0
  const work = async (item: number) => {
    running++
    for (let turn = 0; turn < 10; turn++) await Promise.resolve()
    running--
    if (item === 2) throw new Error('two')
    return item
  }
  await assert.rejects(Array.fromAsync(mapAhead([1, 2, 3, 4], 3, work)), /two/)
  assert.equal(running, 0)
  for await (const result of mapAhead([3, 4, 5, 6], 3, work)) {
    assert.equal(result, 3)
    break
  }
  assert.equal(running, 0)
})
