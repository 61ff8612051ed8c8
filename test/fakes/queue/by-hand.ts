/** What every queue keeps when somebody cancels or retries. */
import assert from 'node:assert/strict'
import { faultOf } from '../fault-of.ts'
import { type Holds, takeNew, unit, workerCalled } from './desk.ts'

export function handsHold(holds: Holds): void {
  holds('what waits is cancelled at once, what runs when its worker hears of it, what has ended not', async ({ queue }) => {
    await queue.add([unit('a'), unit('b')])
    const [runs] = await queue.take('w1', 1, {})
    const waits = (await queue.executions({ states: ['waiting'] }))[0]!
    assert.equal(await queue.cancel(waits.id), true)
    assert.equal((await queue.execution(waits.id))?.state, 'cancelled')
    assert.equal(await queue.cancel(runs!.id), true)
    assert.equal((await queue.execution(runs!.id))?.state, 'running')
    assert.deepEqual(await queue.beat(workerCalled('w1')), [{ id: runs!.id, attempt: 1, isCancelling: true }])
    assert.equal((await queue.end(runs!, { kind: 'cancelled' }))?.state, 'cancelled')
    assert.equal(await queue.cancel(runs!.id), false)
    assert.deepEqual(await queue.take('w2', 2, {}), [])
  })

  holds('what failed may be retried, with all of its tries; what is done not, nor what another does meanwhile', async ({ queue }) => {
    const [taken] = await takeNew(queue, 'a')
    await queue.end(taken!, { kind: 'exit', exit: 8 })
    assert.equal(await queue.retry(taken!.id), true)
    const [again] = await queue.take('w1', 1, {})
    assert.deepEqual([again?.id, again?.attempt], [taken!.id, 1])
    assert.equal(await queue.retry(again!.id), false)
    await queue.end(again!, { kind: 'exit', exit: 8 })
    await queue.add([unit('a')])
    assert.equal(await queue.retry(taken!.id), false)
  })

  holds('what waits for its next try is tried now', async ({ queue }) => {
    const [taken] = await takeNew(queue, 'a')
    await queue.end(taken!, { kind: 'exit', exit: 9 })
    assert.deepEqual(await queue.take('w1', 1, {}), [])
    assert.equal(await queue.retry(taken!.id), true)
    assert.equal((await queue.take('w1', 1, {}))[0]?.attempt, 2)
  })

  holds('words that no queue can keep are refused, and nothing of them is added', async ({ queue }) => {
    await faultOf(queue.add([unit('fine'), { ...unit('x'), priority: Number.NaN }]), 'bug', /./)
    assert.deepEqual(await queue.executions(), [])
  })
}
