/** What every queue keeps of workers: those that live keep what they hold, those that are lost do not. */
import assert from 'node:assert/strict'
import { maxAttempts } from '../../../src/daemon/execution.ts'
import { care, type Holds, keysOf, takeNew, unit, workerCalled } from './desk.ts'

export function workersHold(holds: Holds): void {
  holds('are seen with what they hold, its progress and what it says', async ({ queue, clock }) => {
    const [taken] = await takeNew(queue, 'a', 'w1')
    const { id, attempt } = taken!
    assert.deepEqual(await queue.beat(workerCalled('w1')), [{ id, attempt, isCancelling: false }])
    const progress = { task: 'fetch', items: 3, bytes: 1 << 20, totalItems: 9 }
    const lines = [
      { at: clock.now(), text: 'first' },
      { at: clock.now() + 1, text: 'second: \u{1F40B}' },
    ]
    await queue.tell('w1', [{ id, attempt, progress, lines }])
    assert.deepEqual((await queue.execution(id))?.progress, progress)
    const log = await queue.log(id)
    assert.deepEqual(
      log.map(({ text }) => text),
      ['first', 'second: \u{1F40B}'],
    )
    assert.deepEqual(await queue.log(id, log[0]!.id), [log[1]])
    const [seen] = await queue.workers()
    assert.deepEqual([seen?.id, seen?.host, seen?.beaten], ['w1', 'lab-3', clock.now()])
  })

  holds('that say nothing any more lose what they hold to others; those that live do not', async ({ queue, clock }) => {
    await queue.add([unit('a'), unit('b')])
    const [first] = await queue.take('dead', 1, {})
    await queue.take('alive', 1, {})
    await queue.beat(workerCalled('dead'))
    await queue.beat(workerCalled('alive'))
    await clock.advance(20_000)
    await queue.beat(workerCalled('alive'))
    await queue.tend(care)
    assert.deepEqual(await queue.take('w3', 2, {}), [])
    await clock.advance(20_000)
    await queue.beat(workerCalled('alive'))
    await queue.tend(care)
    const taken = await queue.take('w3', 2, {})
    assert.deepEqual(keysOf(taken), [first!.key])
    assert.match(taken[0]!.message ?? '', /its worker on lab-3 \(process 4711\) was lost/)
    assert.deepEqual(
      (await queue.workers()).map(({ id }) => id),
      ['alive'],
    )
  })

  holds('whose process is gone for certain lose it at once', async ({ queue, clock }) => {
    await takeNew(queue, 'a', 'w1')
    await queue.beat(workerCalled('w1'))
    await clock.advance(2000)
    await queue.tend({ ...care, isGone: ({ id }) => id === 'w1' })
    assert.equal((await queue.take('w2', 1, {})).length, 1)
  })

  holds('that never said a word lose it too, in time', async ({ queue, clock }) => {
    await takeNew(queue, 'a', 'silent')
    await clock.advance(2000)
    await queue.tend(care)
    assert.deepEqual(await queue.take('w2', 1, {}), [])
    await clock.advance(care.lease)
    await queue.tend(care)
    assert.equal((await queue.take('w2', 1, {})).length, 1)
  })

  holds('are killed by a unit only so often', async ({ queue, clock }) => {
    await queue.add([unit('poison')])
    for (let attempt = 1; attempt <= maxAttempts; attempt++) {
      const id = `w${attempt}`
      assert.equal((await queue.take(id, 1, {})).length, 1)
      await queue.beat(workerCalled(id))
      await clock.advance(2000)
      await queue.tend({ ...care, isGone: () => true })
    }
    assert.equal((await queue.executions())[0]?.state, 'dead')
  })

  holds('that go are forgotten', async ({ queue }) => {
    await queue.beat(workerCalled('w1'))
    await queue.leave('w1')
    assert.deepEqual(await queue.workers(), [])
  })
}
