/** What every queue keeps of tries: each ends once, and how it ended decides what comes next. */
import assert from 'node:assert/strict'
import { maxAttempts } from '../../../src/daemon/execution.ts'
import { care, type Holds, keysOf, takeNew, unit, workerCalled } from './desk.ts'

export function triesHold(holds: Holds): void {
  holds('that end well are done, with what they cost', async ({ queue, clock }) => {
    const [taken] = await takeNew(queue, 'a')
    await clock.advance(1500)
    const now = await queue.end(taken!, { kind: 'exit', exit: 0, summary: 'moved 3', requests: 7, bytes: 1024 })
    assert.equal(now?.state, 'done')
    const { state, summary, requests, bytes, ended, started, exit, message } = (await queue.execution(taken!.id))!
    assert.deepEqual([state, summary, requests, bytes, exit, message], ['done', 'moved 3', 7, 1024, 0, undefined])
    assert.equal(ended! - started!, 1500)
  })

  holds('for a passing reason are tried again later, then never', async ({ queue, clock }) => {
    await queue.add([unit('a')])
    for (let attempt = 1; attempt <= maxAttempts; attempt++) {
      const [taken] = await queue.take('w1', 1, {})
      assert.equal(taken?.attempt, attempt)
      await queue.end(taken, { kind: 'exit', exit: 10, code: 'unavailable', message: 'no answer' })
      assert.deepEqual(await queue.take('w1', 1, {}), [])
      await clock.advance(3_600_000)
    }
    const [dead] = await queue.executions()
    assert.deepEqual([dead?.state, dead?.attempt, dead?.message], ['dead', maxAttempts, 'no answer'])
  })

  holds('are told as they are kept, without what the tries before them came to', async ({ queue, clock }) => {
    const [first] = await takeNew(queue, 'a')
    await queue.end(first!, { kind: 'exit', exit: 10, code: 'unavailable', message: 'no answer', requests: 3 })
    await clock.advance(3_600_000)
    const [second] = await queue.take('w1', 1, {})
    const now = await queue.end(second!, { kind: 'exit', exit: 0 })
    assert.deepEqual([now?.message, now?.code, now?.requests], [undefined, undefined, undefined])
    assert.deepEqual(now, await queue.execution(second!.id))
  })

  holds('for a lasting reason have failed', async ({ queue }) => {
    for (const exit of [1, 2, 6, 7, 8, 11, 70]) {
      const [taken] = await takeNew(queue, `unit ${exit}`)
      assert.equal((await queue.end(taken!, { kind: 'exit', exit }))?.state, 'failed')
    }
  })

  holds('end once: what was lost and ended by another does not count again', async ({ queue, clock }) => {
    const [taken] = await takeNew(queue, 'a', 'w1')
    await queue.beat(workerCalled('w1'))
    await clock.advance(care.lease + 1)
    await queue.tend(care)
    const [again] = await queue.take('w2', 1, {})
    assert.equal(again?.attempt, 2)
    assert.equal(await queue.end(taken!, { kind: 'exit', exit: 0, summary: 'late' }), undefined)
    assert.equal((await queue.execution(again.id))?.state, 'running')
    assert.equal((await queue.end(again, { kind: 'exit', exit: 0, summary: 'the one' }))?.state, 'done')
    assert.equal(await queue.end(again, { kind: 'exit', exit: 8 }), undefined)
    assert.equal((await queue.execution(again.id))?.summary, 'the one')
  })

  holds('that are handed back do not count and may go on at once', async ({ queue }) => {
    const [taken] = await takeNew(queue, 'a')
    await queue.end(taken!, { kind: 'handed-back' })
    const [again] = await queue.take('w2', 1, {})
    assert.deepEqual([again?.attempt, again?.worker], [1, 'w2'])
  })

  holds('that take too long are tried again', async ({ queue }) => {
    const [taken] = await takeNew(queue, 'a')
    const now = await queue.end(taken!, { kind: 'timeout', message: 'stopped after 5 s' })
    assert.deepEqual([now?.state, now?.message, now?.code], ['waiting', 'stopped after 5 s', 'timeout'])
  })

  holds('of a unit that splits end with the units in its place, in its job and firing', async ({ queue }) => {
    await queue.introduce(['sync'])
    await queue.fire({ job: 'sync', expected: 0, due: 1, units: [unit('all', { splits: true })] })
    const [taken] = await queue.take('w1', 1, {})
    await queue.end(taken!, { kind: 'exit', exit: 0, units: [unit('one'), unit('two')] })
    const parts = await queue.executions({ job: 'sync', firing: 1, states: ['waiting'] })
    assert.deepEqual(keysOf(parts).toSorted(), ['one', 'two'])
    await queue.tend(care)
    assert.equal((await queue.jobs())[0]?.open, 2)
  })

  holds('that end at the same moment are all written down', async ({ queue }) => {
    await queue.add(Array.from({ length: 300 }, (_unit, at) => unit(`unit ${at}`)))
    const taken = await queue.take('w1', 300, {})
    const ends = await Promise.all(taken.map((execution, at) => queue.end(execution, { kind: 'exit', exit: 0, summary: `n ${at}` })))
    assert.deepEqual(
      ends.map((now) => now?.summary),
      taken.map((_execution, at) => `n ${at}`),
    )
    assert.deepEqual({ ...(await queue.counts()) }, { waiting: 0, running: 0, done: 300, failed: 0, dead: 0, cancelled: 0 })
  })
}
