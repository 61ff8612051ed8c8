/** What every queue keeps, as tests of the one that is given. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Execution, maxAttempts, type Unit } from '../../src/daemon/execution.ts'
import type { Queue, Worker } from '../../src/daemon/queue.ts'
import { faultOf } from './fault-of.ts'
import { type ManualClock, manualClock } from './manual-clock.ts'

interface QueueDesk {
  readonly queue: Queue
  readonly clock: ManualClock
}

/** Gives a queue without anything in it that goes by this clock; undefined after the test was skipped with the reason. */
export type OpenQueue = (clock: ManualClock, t: { skip(reason: string): void }) => Promise<Queue | undefined>

function unit(key: string, more: Partial<Unit> = {}): Unit {
  return { key, words: ['store', 'stats', key], source: 'store', priority: 0, splits: false, ...more }
}

function workerCalled(id: string): Worker {
  return { id, host: 'lab-3', pid: 4711, machine: 'boot-1', concurrency: 4 }
}

const care = { isGone: () => false, lease: 30_000, keep: 86_400_000 }
const good = { kind: 'exit', exit: 0 } as const

export function queueConformance(name: string, open: OpenQueue): void {
  const holds: Holds = (title, body) =>
    void test(title, async (t) => {
      const clock = manualClock()
      const queue = await open(clock, t)
      if (queue === undefined) return
      try {
        await body({ queue, clock })
      } finally {
        await queue.close()
      }
    })
  describe(`${name}: units`, () => unitsHold(holds))
  describe(`${name}: tries`, () => triesHold(holds))
  describe(`${name}: workers`, () => workersHold(holds))
  describe(`${name}: jobs`, () => jobsHold(holds))
  describe(`${name}: by hand`, () => handsHold(holds))
  describe(`${name}: changes of jobs`, () => changesHold(holds))
}

type Holds = (title: string, body: (desk: QueueDesk) => Promise<void>) => void

function unitsHold(holds: Holds): void {
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

function triesHold(holds: Holds): void {
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

function workersHold(holds: Holds): void {
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

function jobsHold(holds: Holds): void {
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

function handsHold(holds: Holds): void {
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

/** Milliseconds that a change is held. */
const hold = 60_000

function changesHold(holds: Holds): void {
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

async function takeNew(queue: Queue, key: string, worker = 'w1'): Promise<Execution[]> {
  await queue.add([unit(key)])
  return await queue.take(worker, 1, {})
}

function keysOf(executions: readonly Execution[]): string[] {
  return executions.map(({ key }) => key)
}
