import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { bytesOf, systemClock } from '../kit/index.ts'
import { createMemoryStore } from '../store/index.ts'
import { whileUnmoved } from './unmoved.ts'

describe('what was made of refs', () => {
  it('is given again until one of them has moved', async () => {
    const store = createMemoryStore({ clock: systemClock })
    const put = async (key: string, text: string) => await store.put(key, bytesOf(new TextEncoder().encode(text)))
    let made = 0
    const remembered = whileUnmoved(store)
    const look = async (prefix = 'refs/a/') => await remembered(prefix, [prefix], async () => (made += 1))
    assert.deepEqual([await look(), await look()], [1, 1])
    await put('refs/a/x.json', 'one')
    assert.deepEqual([await look(), await look()], [2, 2])
    await put('refs/b/x.json', 'one')
    assert.equal(await look(), 2)
    await put('refs/a/x.json', 'two')
    assert.equal(await look(), 3)
    await store.delete('refs/a/x.json')
    assert.equal(await look(), 4)
  })

  it('is made once for all who ask at once, and again where it failed', async () => {
    const remembered = whileUnmoved(createMemoryStore({ clock: systemClock }))
    let made = 0
    const fail = async () => {
      made += 1
      throw new Error('away')
    }
    const asked = await Promise.allSettled([remembered('a', ['refs/'], fail), remembered('a', ['refs/'], fail)])
    assert.deepEqual([asked.map(({ status }) => status), made], [['rejected', 'rejected'], 1])
    assert.equal(await remembered('a', ['refs/'], async () => 'there'), 'there')
  })
})
