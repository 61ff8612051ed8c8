import { createHash } from 'node:crypto'
import { type Cron, lastCronSlot, nextCronSlot, parseCron } from './cron.ts'
import type { Job, JobState, Schedule } from './job.ts'

/** How late a firing may come and still count as in time: a daemon looks at its jobs every second, and a machine may be busy. */
export const tolerance = 60_000

/** When a job is to be fired: for a slot of its schedule, and then by its jitter later. */
export interface Due {
  readonly slot: number
  readonly at: number
}

export interface Moment {
  readonly now: number
  /** Jitter differs between queues, so that many machines do not ask one server at the same second. */
  readonly seed: string
  readonly stateOf: (job: string) => JobState | undefined
}

/** When the job is due next, in the past where it is due now; undefined while it runs, and where nothing is known yet that it could follow. */
export function dueOf(job: Job, state: JobState, moment: Moment): Due | undefined {
  if (state.open > 0) return undefined
  const slot = slotOf(job, state, moment)
  return slot === undefined ? undefined : { slot, at: slot + jitterOf(job, slot, moment.seed) }
}

/** The latest slot that is past and was not fired for, else the next one. Of several that were missed only the latest counts. */
function slotOf(job: Job, state: JobState, { now, stateOf }: Moment): number | undefined {
  const { schedule } = job
  // A clock that was wrong and is right again: what it says was fired for in the future is not believed.
  const last = state.due !== undefined && state.due > now + tolerance ? undefined : state.due
  if ('after' in schedule) {
    const succeeded = stateOf(schedule.after)?.succeeded
    if (succeeded === undefined) return undefined
    return (last === undefined ? succeeded >= state.since : succeeded > last) ? succeeded : undefined
  }
  const { missed, next } = 'every' in schedule ? everySlots(schedule.every, state.since, last, now) : cronSlots(schedule, state, last, now)
  if (missed === undefined) return next()
  const isLate = now - missed > job.jitter + tolerance
  return isLate && job.catchUp === 'skip' ? next() : missed
}

interface Slots {
  /** The latest that is past and was not fired for. */
  readonly missed: number | undefined
  readonly next: () => number | undefined
}

/** The first at once, the others counted from the last. */
function everySlots(every: number, since: number, last: number | undefined, now: number): Slots {
  const first = last === undefined ? Math.min(since, now) : last + every
  if (first > now) return { missed: undefined, next: () => first }
  const missed = first + Math.floor((now - first) / every) * every
  return { missed, next: () => missed + every }
}

function cronSlots(schedule: CronSchedule, { since }: JobState, last: number | undefined, now: number): Slots {
  const cron = cronOf(schedule)
  const past = lastCronSlot(cron, now)
  return { missed: past !== undefined && past > (last ?? since) ? past : undefined, next: () => nextCronSlot(cron, now) }
}

type CronSchedule = Extract<Schedule, { cron: string }>

/** Reading a line costs more than asking it, and jobs are looked at every second. */
const read = new WeakMap<CronSchedule, Cron>()

function cronOf(schedule: CronSchedule): Cron {
  const cron = read.get(schedule) ?? parseCron(schedule.cron, schedule.timezone)
  read.set(schedule, cron)
  return cron
}

/** The same for the same slot however often it is asked, also after a restart. */
function jitterOf({ name, jitter }: Job, slot: number, seed: string): number {
  if (jitter === 0) return 0
  const hash = createHash('sha256').update(`${seed}\n${name}\n${slot}`).digest()
  return Math.floor((hash.readUInt32BE(0) / 2 ** 32) * jitter)
}
