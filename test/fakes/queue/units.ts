/** What every queue keeps of units: their order, their limits, all that was said of them. */
import assert from 'node:assert/strict'
import { good, type Holds, keysOf, unit } from './desk.ts'

export function unitsHold(holds: Holds): void {
  holds('are taken by priority, then by age, and are held from then on', async ({ queue }) => {
    await queue.add([unit('old'), unit('new'), unit('urgent', { priority: 5 })])
    assert.deepEqual(keysOf(await queue.take('w1', 2, {})), ['urgent', 'old'])
    assert.deepEqual(keysOf(await queue.take('w2', 2, {})), ['new'])
    assert.deepEqual(await queue.take('w3', 2, {}), [])
  })

  holds('keep all that was said of them', async ({ queue, clock }) => {
    const told = unit('it’s "all"\n', { words: ['a', 'b c', '\u2028é'], timeout: 5000, splits: true, job: 'j', firing: 3, priority: -2 })
    const [added] = await queue.add([told])
    const found = await queue.execution(added!.id)
    assert.deepEqual({ ...found, ...told }, found)
    assert.deepEqual([found?.created, found?.state, found?.attempt], [clock.now(), 'waiting', 0])
    assert.equal(await queue.execution(added!.id + 1), undefined)
  })

  holds('with a key that waits or runs are not added again, and are once it has ended', async ({ queue }) => {
    const [first] = await queue.add([unit('a')])
    const again = await queue.add([unit('a'), unit('b'), unit('b')])
    assert.deepEqual(
      again.map(({ isNew }) => isNew),
      [false, true, false],
    )
    assert.equal(again[0]?.id, first?.id)
    assert.equal(again[1]?.id, again[2]?.id)
    const [taken] = await queue.take('w1', 1, {})
    assert.equal((await queue.add([unit('a')]))[0]?.isNew, false)
    await queue.end(taken!, good)
    assert.equal((await queue.add([unit('a')]))[0]?.isNew, true)
  })

  holds('of thousands are added at once, and listed in pages, the newest first', async ({ queue }) => {
    const many = Array.from({ length: 1200 }, (_unit, at) => unit(`unit ${at}`))
    const added = await queue.add(many)
    assert.equal(new Set(added.map(({ id }) => id)).size, 1200)
    const page = await queue.executions({ limit: 3 })
    assert.deepEqual(
      page.map(({ id }) => id),
      [...page].map(({ id }) => id).toSorted((one, other) => other - one),
    )
    const next = await queue.executions({ limit: 3, before: page[2]!.id })
    assert.equal(next[0]!.id < page[2]!.id, true)
    assert.equal((await queue.counts()).waiting, 1200)
  })

  holds('of a source are held no more than its limit says, whoever takes; others go past them', async ({ queue }) => {
    await queue.add([...['a', 'b', 'c', 'd'].map((key) => unit(key, { source: 'github', priority: 1 })), unit('other')])
    const limits = { github: 2 }
    const first = await queue.take('w1', 1, limits)
    const second = await queue.take('w2', 4, limits)
    assert.deepEqual([keysOf(first), keysOf(second)], [['a'], ['b', 'other']])
    assert.deepEqual(await queue.take('w3', 4, limits), [])
    await queue.end(second[0]!, good)
    assert.deepEqual(keysOf(await queue.take('w3', 4, limits)), ['c'])
  })
}
