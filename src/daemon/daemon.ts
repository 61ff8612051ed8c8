import { asFault, faultCodes } from '../kit/index.ts'
import { type Execution, worstExit } from './execution.ts'
import type { Job, JobState } from './job.ts'
import type { Notifier } from './notify/notifier.ts'
import { createTeller, type Teller } from './notify/tell.ts'
import type { Queue } from './queue.ts'
import { keyOf } from './run-unit.ts'
import { type Due, dueOf } from './schedule.ts'
import { lease, work, type WorkOptions } from './work.ts'

export interface DaemonOptions extends Omit<WorkOptions, 'once' | 'onWake'> {
  /** As they are configured now: asked at each look, so that a new configuration counts from there on. */
  readonly jobs: () => readonly Job[]
  /** Whether units of this command line are found by a look at what there is. */
  readonly splits: (words: readonly string[]) => boolean
  /** Who is told when jobs begin to fail and are well again: asked at each look too. */
  readonly notifiers?: (() => readonly Notifier[]) | undefined
}

/** Milliseconds that a daemon which ends waits for those who are being told. */
const tellGrace = 5000
const lookEvery = 1000
const mostRounds = 1000

/** Fires jobs when they are due and works on what waits, until it is stopped. */
export async function runDaemon(options: DaemonOptions): Promise<void> {
  let wake = () => {}
  const scheduling = new AbortController()
  const failed = keepFiring({ ...options, stop: AbortSignal.any([options.stop, scheduling.signal]) }, () => wake()).catch(
    (error: unknown) => {
      scheduling.abort()
      return { error }
    },
  )
  const telling = new AbortController()
  const told = keepTelling(options, telling.signal)
  try {
    await work({ ...options, stop: AbortSignal.any([options.stop, scheduling.signal]), onWake: (given) => void (wake = given) })
  } finally {
    scheduling.abort()
    telling.abort()
    await told
  }
  const failure = await failed
  if (failure !== undefined) throw failure.error
}

/** Each job that is due once, with those that come after it, and what waits besides. Gives the worst exit status. */
export async function runOnce(options: DaemonOptions): Promise<number> {
  const { queue } = options
  const exits: number[] = []
  const onEnd = (execution: Execution, now: Execution | undefined) => {
    if (now !== undefined) exits.push(now.exit ?? (now.state === 'done' ? 0 : faultCodes.aborted.exit))
    options.onEnd?.(execution, now)
  }
  const done = new Set<string>()
  const teller = tellerOf(options)
  // What the last time left; and who is new hears of what follows.
  teller.look()
  await queue.tend({ ...options.care, lease })
  for (let round = 0; round < mostRounds && !options.stop.aborted; round++) {
    await look({ ...options, isHurried: true, leaveOut: done })
    await work({ ...options, once: true, onEnd })
    await queue.tend({ ...options.care, lease })
    if (options.jobs().every(({ name }) => done.has(name)) || !(await isSomethingDue(options, done))) break
  }
  const onStop = () => void teller.end(0)
  options.stop.addEventListener('abort', onStop, { once: true })
  if (!options.stop.aborted) await teller.tellAll()
  options.stop.removeEventListener('abort', onStop)
  await teller.end(0)
  return worstExit(exits)
}

function tellerOf({ queue, notifiers = () => [], worker, clock, report }: DaemonOptions): Teller {
  return createTeller({ queue, notifiers, host: worker.host, clock, report })
}

async function keepTelling(options: DaemonOptions, stop: AbortSignal): Promise<void> {
  const teller = tellerOf(options)
  while (!stop.aborted) {
    teller.look()
    await options.clock.sleep(lookEvery, stop).catch(() => undefined)
  }
  await teller.end(tellGrace)
}

async function isSomethingDue({ queue, jobs, clock }: DaemonOptions, done: ReadonlySet<string>): Promise<boolean> {
  const states = new Map((await queue.jobs()).map((state) => [state.name, state]))
  const moment = { now: clock.now(), seed: queue.id, stateOf: (name: string) => states.get(name) }
  return jobs().some((job) => {
    const state = states.get(job.name)
    const due = state === undefined || done.has(job.name) ? undefined : dueOf(job, state, moment)
    return due !== undefined && due.slot <= moment.now
  })
}

async function keepFiring(options: DaemonOptions, wake: () => void): Promise<undefined> {
  const { clock, stop, report } = options
  let isAway = false
  while (!stop.aborted) {
    try {
      await options.queue.tend({ ...options.care, lease })
      if (await look({ ...options, isHurried: false })) wake()
      if (isAway) report({ kind: 'note', level: 'info', text: 'the queue is there again' })
      isAway = false
    } catch (error) {
      const fault = asFault(error)
      if (fault.retry !== 'later') throw fault
      if (!isAway) report({ kind: 'note', level: 'warning', text: `${fault.message}: no job is fired until it is there again` })
      isAway = true
    }
    await clock.sleep(lookEvery, stop).catch(() => undefined)
  }
  return undefined
}

interface Look extends DaemonOptions {
  /** Without jitter. */
  readonly isHurried: boolean
  /** Jobs that are not looked at; those that were fired are added. */
  readonly leaveOut?: Set<string>
}

/** Fires what is due. True where anything was fired. */
async function look(options: Look): Promise<boolean> {
  const { queue, jobs, clock, leaveOut, isHurried } = options
  const known = await statesOf(queue, jobs())
  const moment = { now: clock.now(), seed: queue.id, stateOf: (name: string) => known.get(name) }
  let hasFired = false
  for (const job of jobs()) {
    const state = known.get(job.name)
    if (state === undefined || leaveOut?.has(job.name) === true) continue
    const due = dueOf(job, state, moment)
    if (due === undefined || (isHurried ? due.slot : due.at) > moment.now) continue
    if (await fire(options, job, state, due)) hasFired = true
    leaveOut?.add(job.name)
  }
  return hasFired
}

async function statesOf(queue: Queue, jobs: readonly Job[]): Promise<Map<string, JobState>> {
  const read = async () => new Map((await queue.jobs()).map((state) => [state.name, state]))
  const known = await read()
  const strange = jobs.map(({ name }) => name).filter((name) => !known.has(name))
  if (strange.length === 0) return known
  await queue.introduce(strange)
  return await read()
}

async function fire({ queue, splits, report }: DaemonOptions, job: Job, state: JobState, { slot }: Due): Promise<boolean> {
  const fired = await fireJob(queue, job, { expected: state.fired, due: slot, splits: splits(job.words) })
  if (fired === 'same') report({ kind: 'note', level: 'info', text: `${job.name}: another unit does the same just now` })
  return fired !== 'not-ours'
}

/** Fires a job as its schedule does: `not-ours` where someone else did or it is open, `same` where what it would do is under way already. */
export async function fireJob(
  queue: Queue,
  { name, words, source, priority, timeout }: Job,
  { expected, due, splits }: { readonly expected: number; readonly due: number; readonly splits: boolean },
): Promise<'fired' | 'same' | 'not-ours'> {
  const key = keyOf(splits ? ['split', ...words] : words)
  const added = await queue.fire({ job: name, expected, due, units: [{ key, words, source, priority, timeout, splits }] })
  if (added === undefined) return 'not-ours'
  return added.some(({ isNew }) => isNew) ? 'fired' : 'same'
}

/** What jobs wait for, for those who look. */
export function plannedFirings(jobs: readonly Job[], states: readonly JobState[], now: number, seed: string): Map<string, Due | undefined> {
  const known = new Map(states.map((state) => [state.name, state]))
  const moment = { now, seed, stateOf: (name: string) => known.get(name) }
  return new Map(
    jobs.map((job) => {
      const state = known.get(job.name) ?? { name: job.name, since: now, fired: 0, open: 0, failures: 0 }
      return [job.name, dueOf(job, state, moment)]
    }),
  )
}
