/** What every queue keeps of changes of jobs: each is recorded once and told to each target in order. */
import assert from 'node:assert/strict'
import { care, type Holds, type QueueDesk, takeNew, unit } from './desk.ts'

/** Milliseconds that a change is held. */
const hold = 60_000

export function changesHold(holds: Holds): void {
  /** Fires the job and ends its units so. Gives when. */
  const fired = async ({ queue, clock }: QueueDesk, job: string, endings: readonly ('cancelled' | number)[]) => {
    await clock.advance(1000)
    await queue.introduce([job])
    const expected = (await queue.jobs()).find(({ name }) => name === job)!.fired
    await queue.fire({ job, expected, due: clock.now(), units: endings.map((_ending, at) => unit(`${job} ${at}`)) })
    for (const [at, execution] of (await queue.take('w1', 99, {})).entries()) {
      const ending = endings[at]!
      await queue.end(execution, ending === 'cancelled' ? { kind: 'cancelled' } : { kind: 'exit', exit: ending, code: 'corrupt' })
    }
    await queue.tend(care)
    return clock.now()
  }
  /** All that the target is told, one after the other. */
  const told = async ({ queue }: QueueDesk, target = 'ops') => {
    const all = []
    for (let held = await queue.holdChange(target, hold); held !== undefined; held = await queue.holdChange(target, hold)) {
      all.push(held.change)
      await queue.endTelling(target, held, { kind: 'told' })
    }
    return all
  }

  holds('are each failure, and the first good end after it: nothing else', async (desk) => {
    await told(desk)
    const times = []
    for (const ending of [0, 8, 11, 0, 3, 1, 3]) times.push(await fired(desk, 'sync', [0, ending]))
    const changes = await told(desk)
    assert.deepEqual(
      changes.map(({ kind, exit, failures, at, since, previous }) => [kind, exit, failures, at, since, previous]),
      [
        ['failure', 8, 1, times[1], times[1], undefined],
        ['failure', 11, 2, times[2], times[1], times[1]],
        ['recovery', 0, 2, times[3], times[1], times[2]],
        ['failure', 1, 1, times[5], times[5], undefined],
        ['recovery', 3, 1, times[6], times[5], times[5]],
      ],
    )
    const [{ units, failed, firing } = { units: [], failed: 0, firing: 0 }] = changes
    assert.deepEqual(
      units.map(({ words, exit, code, state }) => [words, exit, code, state]),
      [[['store', 'stats', 'sync 1'], 8, 'corrupt', 'failed']],
    )
    assert.deepEqual([failed, firing, changes[2]?.failed], [1, 2, 0])
  })

  holds('know all units that failed by their number, and the first ones by name', async (desk) => {
    await told(desk)
    await fired(desk, 'sync', [0, ...Array.from({ length: 20 }, () => 2)])
    const [change] = await told(desk)
    assert.deepEqual([change?.failed, change?.units.length], [20, 5])
  })

  holds('are none where all that did not end well was cancelled by hand', async (desk) => {
    await told(desk)
    await fired(desk, 'sync', ['cancelled', 0])
    assert.deepEqual(await told(desk), [])
    await fired(desk, 'sync', ['cancelled', 8])
    await fired(desk, 'sync', ['cancelled'])
    await fired(desk, 'sync', [0])
    assert.deepEqual(
      (await told(desk)).map(({ kind }) => kind),
      ['failure', 'recovery'],
    )
  })

  holds('are recorded once, whoever sees to it', async (desk) => {
    await told(desk)
    const { queue } = desk
    await queue.introduce(['sync'])
    await queue.fire({ job: 'sync', expected: 0, due: 1, units: [unit('a')] })
    const [taken] = await queue.take('w1', 1, {})
    await queue.end(taken!, { kind: 'exit', exit: 8 })
    await Promise.all([queue.tend(care), queue.tend(care), queue.tend(care)])
    assert.equal((await told(desk)).length, 1)
  })

  holds('reach a target from when it was first heard of', async (desk) => {
    await fired(desk, 'old', [8])
    assert.deepEqual(await told(desk, 'new'), [])
    await fired(desk, 'sync', [8])
    assert.deepEqual(
      (await told(desk, 'new')).map(({ job }) => job),
      ['sync'],
    )
  })

  holds('are held by one who tells them, until that is over, or seems to be', async (desk) => {
    const { queue, clock } = desk
    await told(desk)
    await fired(desk, 'sync', [8])
    const asked = await Promise.all([1, 2, 3, 4].map(() => queue.holdChange('ops', hold)))
    const [first, ...others] = asked.filter((held) => held !== undefined)
    assert.deepEqual([first?.attempt, others], [1, []])
    await clock.advance(hold + 1)
    const second = await queue.holdChange('ops', hold)
    assert.deepEqual([second?.change.id, second?.attempt], [first!.change.id, 2])
    // Too late to say when to try again, and in time to say that it was told.
    await queue.endTelling('ops', first!, { kind: 'again', message: 'late', wait: 1 })
    assert.equal(await queue.holdChange('ops', hold), undefined)
    await queue.endTelling('ops', first!, { kind: 'told' })
    await queue.endTelling('ops', second!, { kind: 'again', message: 'late', wait: 0 })
    assert.deepEqual(await told(desk), [])
  })

  holds('that cannot be told are tried later, in order, and do not keep another target waiting', async (desk) => {
    const { queue, clock } = desk
    await told(desk)
    await told(desk, 'mail')
    await fired(desk, 'sync', [8])
    await fired(desk, 'sync', [0])
    const held = (await queue.holdChange('ops', hold))!
    await queue.endTelling('ops', held, { kind: 'again', message: 'no answer', wait: 5000 })
    assert.equal(await queue.holdChange('ops', hold), undefined)
    assert.equal((await told(desk, 'mail')).length, 2)
    const [mail, ops] = await queue.targets()
    assert.deepEqual([mail?.name, mail?.waiting, mail?.attempts, mail?.succeeded], ['mail', 0, 0, clock.now()])
    assert.deepEqual([ops?.waiting, ops?.attempts, ops?.message, ops?.due], [2, 1, 'no answer', clock.now() + 5000])
    await clock.advance(5000)
    const again = (await queue.holdChange('ops', hold))!
    assert.deepEqual([again.change.id, again.attempt], [held.change.id, 2])
    await queue.endTelling('ops', again, { kind: 'given-up', message: 'never' })
    assert.deepEqual(
      (await told(desk)).map(({ kind }) => kind),
      ['recovery'],
    )
    assert.equal((await queue.targets())[1]?.givenUp, 1)
  })

  holds('that are handed back come at once, and the try does not count', async (desk) => {
    const { queue } = desk
    await told(desk)
    await fired(desk, 'sync', [8])
    const held = (await queue.holdChange('ops', hold))!
    await queue.endTelling('ops', held, { kind: 'handed-back' })
    assert.equal((await queue.holdChange('ops', hold))?.attempt, 1)
  })

  holds('are forgotten in time', async (desk) => {
    const { queue, clock } = desk
    await told(desk)
    await fired(desk, 'sync', [8])
    await clock.advance(2 * care.keep)
    await queue.tend(care)
    assert.deepEqual(await told(desk), [])
    await fired(desk, 'sync', [0])
    assert.deepEqual(
      (await told(desk)).map(({ kind, failures }) => [kind, failures]),
      [['recovery', 0]],
    )
  })

  holds('come with the last lines of what a unit said', async ({ queue }) => {
    const [taken] = await takeNew(queue, 'a')
    const lines = Array.from({ length: 30 }, (_line, at) => ({ at, text: `line ${at}` }))
    await queue.tell('w1', [{ id: taken!.id, attempt: 1, lines }])
    assert.deepEqual(
      (await queue.lastLines(taken!.id, 2)).map(({ text }) => text),
      ['line 28', 'line 29'],
    )
    assert.deepEqual(await queue.lastLines(taken!.id, 0), [])
  })
}
