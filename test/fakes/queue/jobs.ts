/** What every queue keeps of jobs: fired once, one firing at a time, and how the last one ended. */
import assert from 'node:assert/strict'
import { care, good, type Holds, keysOf, takeNew, unit } from './desk.ts'

export function jobsHold(holds: Holds): void {
  holds('are fired once, whoever fires', async ({ queue }) => {
    await queue.introduce(['sync', 'sync'])
    const firing = { job: 'sync', expected: 0, due: 5000, units: [unit('a')] }
    const fired = await Promise.all([queue.fire(firing), queue.fire(firing), queue.fire(firing)])
    assert.equal(fired.filter((added) => added !== undefined).length, 1)
    assert.deepEqual(
      (await queue.jobs()).map(({ fired, due, open }) => [fired, due, open]),
      [[1, 5000, 1]],
    )
  })

  holds('are not fired while a unit of theirs waits or runs, nor before the end is seen to', async ({ queue }) => {
    await queue.introduce(['sync'])
    await queue.fire({ job: 'sync', expected: 0, due: 1, units: [unit('a')] })
    const [taken] = await queue.take('w1', 1, {})
    assert.equal(await queue.fire({ job: 'sync', expected: 1, due: 2, units: [unit('b')] }), undefined)
    await queue.end(taken!, good)
    assert.equal((await queue.jobs())[0]?.open, 1)
    await queue.tend(care)
    assert.equal((await queue.jobs())[0]?.open, 0)
    assert.equal((await queue.fire({ job: 'sync', expected: 1, due: 2, units: [unit('b')] }))?.length, 1)
  })

  holds('know how their last firing ended: as badly as its worst unit', async ({ queue, clock }) => {
    await queue.introduce(['sync'])
    const fire = async (expected: number, exits: readonly number[]) => {
      await queue.fire({ job: 'sync', expected, due: clock.now(), units: exits.map((_exit, at) => unit(`unit ${at}`)) })
      const taken = await queue.take('w1', 9, {})
      for (const [at, execution] of taken.entries()) await queue.end(execution, { kind: 'exit', exit: exits[at]! })
      await queue.tend(care)
      return (await queue.jobs())[0]!
    }
    const first = await fire(0, [0, 3])
    assert.deepEqual([first.exit, first.failures, first.succeeded], [3, 0, clock.now()])
    await clock.advance(1000)
    const second = await fire(1, [0, 8, 11])
    assert.deepEqual([second.exit, second.failures, second.succeeded, second.ended], [8, 1, first.succeeded, clock.now()])
    assert.equal((await fire(2, [6])).failures, 2)
    assert.equal((await fire(3, [0])).failures, 0)
  })

  holds('that come while another unit does the same are neither good nor bad', async ({ queue }) => {
    await queue.add([unit('a')])
    await queue.introduce(['sync'])
    const added = await queue.fire({ job: 'sync', expected: 0, due: 1, units: [unit('a')] })
    assert.deepEqual(
      added?.map(({ isNew }) => isNew),
      [false],
    )
    await queue.tend(care)
    const [state] = await queue.jobs()
    assert.deepEqual([state?.open, state?.ended, state?.failures], [0, undefined, 0])
  })

  holds('leave records that are forgotten in time, with their logs; what waits or runs is never forgotten', async ({ queue, clock }) => {
    await queue.add([unit('waits', { priority: -1 })])
    const [taken] = await takeNew(queue, 'a', 'w1')
    await queue.tell('w1', [{ id: taken!.id, attempt: 1, lines: [{ at: 1, text: 'line' }] }])
    await queue.end(taken!, good)
    await clock.advance(care.keep / 2)
    await queue.tend(care)
    assert.equal((await queue.executions()).length, 2)
    await clock.advance(care.keep)
    await queue.tend(care)
    assert.deepEqual(keysOf(await queue.executions()), ['waits'])
    assert.deepEqual(await queue.log(taken!.id), [])
  })
}
