import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createBoundedCache } from './bounded-cache.ts'

describe('a bounded cache', () => {
  it('keeps what was used last, up to its weight', async () => {
    const cache = createBoundedCache<string>(3, (value) => value.length)
    const made: string[] = []
    const get = (key: string, value = key) => cache.get(key, async () => (made.push(key), value))
    for (const key of ['a', 'b', 'c', 'a', 'd', 'a', 'b']) assert.equal(await get(key), key)
    assert.deepEqual(made, ['a', 'b', 'c', 'd', 'b'])
    assert.equal(await get('long', 'longer'), 'longer')
    assert.equal(await get('long', 'longer'), 'longer')
    assert.deepEqual(made.slice(5), ['long', 'long'])
  })

  it('makes once what several ask for at once, and tries again after a failure', async () => {
    const cache = createBoundedCache<number>(10, () => 1)
    let times = 0
    const fail = async () => {
      times++
      throw new Error('no')
    }
    const results = await Promise.allSettled([cache.get('a', fail), cache.get('a', fail)])
    assert.deepEqual([results.map(({ status }) => status), times], [['rejected', 'rejected'], 1])
    assert.equal(await cache.get('a', async () => 7), 7)
  })
})
