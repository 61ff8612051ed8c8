import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { manualClock } from '../../test/fakes/manual-clock.ts'
import { scratchDirectory } from '../../test/fakes/scratch.ts'
import { Fault, type Progress } from '../kit/index.ts'
import { type DaemonOptions, fireJob, runDaemon, runOnce } from './daemon.ts'
import type { Job } from './job.ts'
import { openFileQueue } from './queue/open.ts'
import type { Ran, RunCommand } from './run-unit.ts'
import { lease } from './work.ts'

const scratch = scratchDirectory()
/** Shorter than real ones, since a daemon looks every second. */
const minute = 6_000

function job(name: string, more: Partial<Job> = {}): Job {
  return { name, words: [name], schedule: { every: 10 * minute }, jitter: 0, catchUp: 'once', priority: 0, source: 'any', ...more }
}

/** A queue, a clock, and commands that do as they are told. */
async function desk(jobs: readonly Job[], commands: Readonly<Record<string, RunCommand>> = {}) {
  const clock = manualClock()
  const file = path.join(mkdtempSync(path.join(scratch, 'daemon-')), 'daemon.sqlite')
  const queue = await openFileQueue(file, { clock, random: () => 0.5 })
  const ran: string[] = []
  const notes: string[] = []
  const stop = new AbortController()
  const run: RunCommand = async (words, options) => {
    ran.push(words.join(' '))
    return (await commands[words[0]!]?.(words, options)) ?? { exit: 0 }
  }
  const options = (id: string): DaemonOptions => ({
    queue,
    worker: { id, host: 'lab', pid: 1, concurrency: 2 },
    limits: () => ({}),
    runner: { clock, run, split: async (words) => ['a', 'b', 'c'].map((part) => [...words, part]) },
    clock,
    report: (event: Progress) => void (event.kind === 'note' && notes.push(event.text)),
    stop: stop.signal,
    grace: () => 5000,
    care: { isGone: () => false, keep: 86_400_000 },
    jobs: () => jobs,
    splits: (words) => words.includes('all'),
  })
  return { clock, queue, ran, notes, stop, options, start: (id = 'w1') => runDaemon(options(id)) }
}

/** A command that goes on until it is let go, or is stopped. */
function heldCommand(): { run: RunCommand; letGo(ran?: Ran): void; stopped: string[] } {
  let going: PromiseWithResolvers<Ran> | undefined
  const stopped: string[] = []
  return {
    stopped,
    letGo: (ran = { exit: 0 }) => going?.resolve(ran),
    run: async (_words, { signal }) => {
      const now = Promise.withResolvers<Ran>()
      going = now
      signal.addEventListener('abort', () => {
        stopped.push(signal.reason instanceof Fault ? signal.reason.message : '')
        now.resolve({ exit: 130 })
      })
      return await now.promise
    },
  }
}

async function ended(
  { clock, stop }: { clock: { advance(ms: number): Promise<void> }; stop: AbortController },
  daemon: Promise<void>,
): Promise<void> {
  stop.abort()
  let isOver = false
  void daemon.finally(() => (isOver = true))
  while (!isOver) await clock.advance(1000)
  await daemon
}

describe('a daemon', () => {
  test('runs a job at once, again at its time, and what comes after it when it ended well', async () => {
    const results: Ran[] = [{ exit: 0 }, { exit: 8 }, { exit: 3 }]
    const at = await desk([job('sync'), job('publish', { schedule: { after: 'sync' } })], { sync: async () => results.shift()! })
    const daemon = at.start()
    await at.clock.advance(3000)
    assert.deepEqual(at.ran, ['sync', 'publish'])
    await at.clock.advance(10 * minute)
    assert.deepEqual(at.ran, ['sync', 'publish', 'sync'])
    await at.clock.advance(10 * minute + 5000)
    assert.deepEqual(at.ran, ['sync', 'publish', 'sync', 'sync', 'publish'])
    await ended(at, daemon)
  })

  test('never runs a job beside itself, however long it takes', async () => {
    const held = heldCommand()
    const at = await desk([job('sync')], { sync: held.run })
    const daemon = at.start()
    await at.clock.advance(35 * minute)
    assert.deepEqual(at.ran, ['sync'])
    held.letGo()
    await at.clock.advance(3000)
    assert.deepEqual(at.ran, ['sync', 'sync'])
    held.letGo()
    await ended(at, daemon)
  })

  test('beside another one on the same queue runs each firing once', async () => {
    const at = await desk([job('sync'), job('verify', { schedule: { every: 7 * minute } })])
    const daemons = [at.start('w1'), at.start('w2'), at.start('w3')]
    await at.clock.advance(70 * minute)
    assert.equal(at.ran.filter((name) => name === 'sync').length, 8)
    assert.equal(at.ran.filter((name) => name === 'verify').length, 11)
    await ended(
      at,
      Promise.all(daemons).then(() => undefined),
    )
  })

  test('splits what names several things into units, and the job has ended with the last of them', async () => {
    const at = await desk([job('mirror', { words: ['mirror', 'all'] }), job('publish', { schedule: { after: 'mirror' } })])
    const daemon = at.start()
    await at.clock.advance(5000)
    assert.deepEqual(at.ran, ['mirror all a', 'mirror all b', 'mirror all c', 'publish'])
    const [, , , , first] = await at.queue.executions()
    assert.deepEqual([first?.state, first?.summary], ['done', '3 units'])
    await ended(at, daemon)
  })

  test('tries again what met a passing trouble, each time later, and leaves what never goes among the dead', async () => {
    const at = await desk([job('sync', { schedule: { every: 10_000 * minute } })], { sync: async () => ({ exit: 10 }) })
    const daemon = at.start()
    const times: number[] = []
    for (let second = 0; second < 1200; second++) {
      const before = at.ran.length
      await at.clock.advance(1000)
      if (at.ran.length > before) times.push(second)
    }
    assert.equal(times.length, 5)
    const waits = times.slice(1).map((time, index) => time - times[index]!)
    assert.ok(
      waits.every((wait, index) => index === 0 || wait > waits[index - 1]! * 1.8),
      waits.join(),
    )
    assert.equal((await at.queue.executions())[0]?.state, 'dead')
    assert.equal((await at.queue.jobs())[0]?.failures, 1)
    await ended(at, daemon)
  })

  test('stops what takes too long', async () => {
    const held = heldCommand()
    const at = await desk([job('sync', { timeout: 20_000 })], { sync: held.run })
    const daemon = at.start()
    await at.clock.advance(25_000)
    assert.match(held.stopped.join(), /it took longer than 20.0 s/)
    const [unit] = await at.queue.executions()
    assert.deepEqual([unit?.state, unit?.code, unit?.attempt], ['waiting', 'timeout', 1])
    await ended(at, daemon)
  })

  test('stops a unit that is cancelled', async () => {
    const held = heldCommand()
    const at = await desk([job('sync')], { sync: held.run })
    const daemon = at.start()
    await at.clock.advance(2000)
    const [unit] = await at.queue.executions()
    await at.queue.cancel(unit!.id)
    await at.clock.advance(5000)
    assert.deepEqual(held.stopped, ['cancelled'])
    assert.equal((await at.queue.execution(unit!.id))?.state, 'cancelled')
    await ended(at, daemon)
  })

  test('that is stopped takes nothing new, lets what runs end in its time, and has handed back what did not', async () => {
    const [quick, slow] = [heldCommand(), heldCommand()]
    const jobs = [job('quick'), job('slow'), job('later')]
    const at = await desk(jobs, { quick: quick.run, slow: slow.run })
    const daemon = at.start()
    await at.clock.advance(2000)
    assert.deepEqual(at.ran, ['quick', 'slow'])
    at.stop.abort()
    await at.clock.advance(2000)
    assert.deepEqual(slow.stopped, [])
    quick.letGo()
    await ended(at, daemon)
    assert.deepEqual([quick.stopped, slow.stopped], [[], ['the daemon ends']])
    const states = Object.fromEntries((await at.queue.executions()).map((unit) => [unit.key, [unit.state, unit.attempt]]))
    assert.deepEqual(states, { '["quick"]': ['done', 1], '["slow"]': ['waiting', 0], '["later"]': ['waiting', 0] })
    assert.deepEqual(await at.queue.workers(), [])
  })

  test('goes by a new configuration from the next look on', async () => {
    const jobs = [job('old')]
    const at = await desk(jobs)
    const daemon = at.start()
    await at.clock.advance(2000)
    jobs.splice(0, 1, job('new'))
    await at.clock.advance(20 * minute)
    assert.deepEqual(at.ran.slice(0, 2), ['old', 'new'])
    assert.ok(!at.ran.slice(1).includes('old'))
    await ended(at, daemon)
  })

  test('gives what a worker held that went silent to another, and what comes late does not count', async () => {
    const held = heldCommand()
    const at = await desk([job('sync')], { sync: held.run })
    await at.queue.introduce(['sync'])
    await fireJob(at.queue, job('sync'), { expected: 0, due: at.clock.now(), splits: false })
    const [lost] = await at.queue.take('gone', 1, {})
    await at.clock.advance(lease + 1000)
    const daemon = at.start()
    await at.clock.advance(3000)
    held.letGo({ exit: 0, document: { result: { moved: 7 } } })
    await at.clock.advance(2000)
    assert.equal(await at.queue.end(lost!, { kind: 'exit', exit: 8 }), undefined)
    const unit = await at.queue.execution(lost!.id)
    assert.deepEqual([unit?.state, unit?.attempt, unit?.summary, unit?.worker], ['done', 2, 'moved 7', 'w1'])
    await ended(at, daemon)
  })

  test('waits for a queue that is out of reach, says so once, and goes on', async () => {
    const at = await desk([job('sync')])
    let isAway = true
    const away =
      <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
      async (...args: A) => {
        if (isAway) throw new Fault('unavailable', 'the queue’s database cannot be reached')
        return await call(...args)
      }
    const { queue } = at
    const shaky = { ...queue, take: away(queue.take), tend: away(queue.tend), jobs: away(queue.jobs), beat: away(queue.beat) }
    const daemon = runDaemon({ ...at.options('w1'), queue: shaky })
    await at.clock.advance(20 * minute)
    assert.deepEqual(at.ran, [])
    assert.equal(at.notes.filter((text) => text.includes('no job is fired until')).length, 1)
    isAway = false
    await at.clock.advance(10 * minute)
    assert.deepEqual(at.ran, ['sync'])
    await ended(at, daemon)
  })
})

describe('once', () => {
  const once = async (at: Awaited<ReturnType<typeof desk>>) => {
    let exit: number | undefined
    void runOnce(at.options('w1')).then((worst) => (exit = worst))
    while (exit === undefined) await at.clock.advance(100)
    return exit
  }

  test('runs each job that is due, those after it too, and gives the worst exit status', async () => {
    const jobs = [job('sync', { jitter: 5 * minute }), job('publish', { schedule: { after: 'sync' } }), job('fails')]
    const at = await desk(jobs, { fails: async () => ({ exit: 8 }) })
    assert.equal(await once(at), 8)
    assert.deepEqual(at.ran.toSorted(), ['fails', 'publish', 'sync'])
    assert.equal(await once(at), 0)
    assert.equal(at.ran.length, 3)
    await at.clock.advance(11 * minute)
    assert.equal(await once(at), 8)
    assert.equal(at.ran.length, 6)
  })

  test('does not wait for the next try of what met a passing trouble', async () => {
    const at = await desk([job('sync')], { sync: async () => ({ exit: 10 }) })
    assert.equal(await once(at), 10)
    assert.deepEqual(at.ran, ['sync'])
  })
})

test('a unit’s log and cost are kept, and nothing secret of it', async () => {
  const at = await desk([job('sync')], {
    sync: async (_words, { say, report }) => {
      say('fetched https://ann:hunter22@example.org/x')
      report({ kind: 'begin', task: 'fetch', items: 2 })
      report({ kind: 'advance', task: 'fetch', items: 1, bytes: 100 })
      return {
        exit: 11,
        document: {
          result: { moved: 3, at: '2025-01-15T14:30:00Z', id: 'x'.repeat(64), failures: [1, 2] },
          fault: { code: 'partial', message: 'two failed' },
          stats: { requests: { get: 4, put: 2 }, bytes: { read: 10, written: 20 } },
        },
      }
    },
  })
  const daemon = at.start()
  await at.clock.advance(2000)
  const [unit] = await at.queue.executions()
  const { state, exit, code, message, summary, requests, bytes } = unit!
  assert.deepEqual(
    [state, exit, code, message, summary, requests, bytes],
    ['failed', 11, 'partial', 'two failed', 'moved 3, failures 2', 6, 30],
  )
  assert.deepEqual(
    (await at.queue.log(unit!.id)).map(({ text }) => text),
    ['fetched https://ann:[hidden]@example.org/x'],
  )
  await ended(at, daemon)
})

test('what ended while the queue was out of reach is written down when it is back', async () => {
  const held = heldCommand()
  const at = await desk([job('sync')], { sync: held.run })
  let isAway = false
  const { queue } = at
  const end: typeof queue.end = async (...ending) => {
    if (isAway) throw new Fault('unavailable', 'the queue’s database cannot be reached')
    return await queue.end(...ending)
  }
  const daemon = runDaemon({ ...at.options('w1'), queue: { ...queue, end } })
  await at.clock.advance(2000)
  isAway = true
  held.letGo({ exit: 0, document: { result: { moved: 7 } } })
  await at.clock.advance(2 * lease)
  assert.equal((await queue.execution(1))?.state, 'running')
  isAway = false
  await at.clock.advance(lease)
  const unit = await queue.execution(1)
  assert.deepEqual([unit?.state, unit?.attempt, unit?.summary], ['done', 1, 'moved 7'])
  await ended(at, daemon)
})

test('once does all that waits, though a limit lets only some of it begin at a time', async () => {
  const at = await desk([])
  const words = Array.from({ length: 30 }, (_word, index) => [`unit-${index}`])
  await at.queue.add(words.map((each) => ({ key: each[0]!, words: each, source: 'narrow', priority: 0, splits: false })))
  let exit: number | undefined
  void runOnce({ ...at.options('w1'), limits: () => ({ narrow: 2 }) }).then((worst) => (exit = worst))
  while (exit === undefined) await at.clock.advance(100)
  assert.equal((await at.queue.counts()).done, 30)
})
