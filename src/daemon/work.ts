import { asFault, type Clock, Fault, linkedAbort, type Report } from '../kit/index.ts'
import type { Execution } from './execution.ts'
import type { Care, Limits, Queue, Told, Worker } from './queue.ts'
import { type Runner, type Running, startUnit } from './run-unit.ts'

/** How often a worker says that it lives, and hears what was cancelled. */
export const beatEvery = 2000
/** A worker that has not said so for this long counts as dead. */
export const lease = 30_000
/** Beats. */
const tendEvery = 5
const pollEvery = 1000
const longestWait = 30_000

export interface WorkOptions {
  readonly queue: Queue
  readonly worker: Worker
  /** As they are now. */
  readonly limits: () => Limits
  readonly runner: Runner
  readonly clock: Clock
  readonly report: Report
  /** When it fires, no more units are taken; those that run have `grace` milliseconds, as it is then. */
  readonly stop: AbortSignal
  readonly grace: () => number
  /** What workers do for one another: see `tend`. */
  readonly care: Pick<Care, 'isGone' | 'keep'>
  /** Ends when there is nothing to take and nothing runs. */
  readonly once?: boolean | undefined
  /** Looks for new work at once when it is called, which others do by themselves. */
  readonly onWake?: ((wake: () => void) => void) | undefined
  readonly onStart?: ((execution: Execution) => void) | undefined
  /** With what the queue has of it now; undefined where it was not the worker's any more. */
  readonly onEnd?: ((execution: Execution, now: Execution | undefined) => void) | undefined
}

/** Takes units and runs them, so many at once, until it is stopped; then lets them finish, or hands them back. */
export async function work(options: WorkOptions): Promise<void> {
  const { queue, worker, limits, clock, stop, once } = options
  const desk = openDesk(options)
  const wakes = wakeups()
  options.onWake?.(wakes.wake)
  stop.addEventListener('abort', wakes.wake, { once: true })
  using beating = linkedAbort(undefined)
  const beats = keepBeating(options, desk, beating.controller.signal)
  try {
    await queue.beat(worker).catch(() => undefined)
    while (!stop.aborted) {
      const room = desk.room()
      // What ends while units are looked for may make room for others.
      const wasIdle = desk.running.size === 0
      const taken = room === 0 ? [] : await desk.taking(() => steadily(options, () => queue.take(worker.id, room, limits())))
      for (const execution of taken) desk.start(execution, wakes.wake)
      if (once === true && wasIdle && taken.length === 0) break
      if (room === 0 || taken.length === 0) await wakes.next(clock, pollEvery)
    }
    await finish(options, desk)
  } catch (error) {
    for (const one of desk.running.values()) one.stop('handed-back')
    await desk.settled()
    throw error
  } finally {
    beating.controller.abort()
    await beats
    stop.removeEventListener('abort', wakes.wake)
    await queue.leave(worker.id).catch(() => undefined)
  }
}

/** The units that this worker holds. */
interface Desk {
  readonly running: Map<number, Running>
  /** Units that may begin now: others may do so while the ends of as many are being written down. */
  room(): number
  start(execution: Execution, wake: () => void): void
  /** While units are being taken, the queue may know of more of them than the desk does. */
  taking(take: () => Promise<Execution[] | undefined>): Promise<Execution[]>
  readonly isTaking: () => boolean
  settled(): Promise<void>
}

function openDesk({ queue, worker, runner, report, clock, stop, onStart, onEnd }: WorkOptions): Desk {
  const running = new Map<number, Running>()
  const ends = new Set<Promise<void>>()
  let takes = 0
  let busy = 0
  const settle = async (one: Running, onOver: () => void) => {
    const { execution, log } = one
    const ending = await one.ended
    onOver()
    // A record that cannot be written now is written later, for as long as this process goes on.
    const tries = { queue, report, clock, stop: new AbortController().signal }
    const limit = () => (stop.aborted ? lease : Number.POSITIVE_INFINITY)
    const lines = log.take()
    if (lines.length > 0)
      await steadily(tries, () => queue.tell(worker.id, [{ id: execution.id, attempt: execution.attempt, lines }]), limit)
    const now = await steadily(tries, () => queue.end(execution, ending), limit)
    one.within(() => onEnd?.(execution, now))
    if (now === undefined) warn(report, `unit ${execution.id} was not ours any more when it ended, and its result does not count`)
  }
  return {
    running,
    room: () => Math.min(worker.concurrency - busy, 2 * worker.concurrency - running.size),
    start(execution, wake) {
      const one = startUnit(execution, runner)
      one.within(() => onStart?.(execution))
      running.set(execution.id, one)
      busy++
      const onOver = () => {
        busy--
        wake()
      }
      const end = settle(one, onOver)
        .catch((error: unknown) => warn(report, `what became of unit ${execution.id} could not be written down: ${asFault(error).message}`))
        .finally(() => {
          running.delete(execution.id)
          ends.delete(end)
          wake()
        })
      ends.add(end)
    },
    async taking(take) {
      takes++
      try {
        return (await take()) ?? []
      } finally {
        takes--
      }
    },
    isTaking: () => takes > 0,
    settled: async () => void (await Promise.all(ends)),
  }
}

function warn(report: Report, text: string): void {
  report({ kind: 'note', level: 'warning', text })
}

/** What runs has its time to end by itself, then it is stopped, and what was stopped waits for another worker. */
async function finish({ clock, grace }: WorkOptions, desk: Desk): Promise<void> {
  if (desk.running.size === 0) return await desk.settled()
  const all = desk.settled()
  using link = linkedAbort(undefined)
  const late = clock.sleep(grace(), link.controller.signal).then(
    () => true,
    () => false,
  )
  const isLate = await Promise.race([all.then(() => false), late])
  link.controller.abort()
  if (isLate) for (const one of desk.running.values()) one.stop('handed-back')
  await all
}

/** Says that the worker lives and what its units do, hears what was cancelled, and gives up what is not its own any more. */
async function keepBeating({ queue, worker, clock, report, care }: WorkOptions, desk: Desk, signal: AbortSignal): Promise<void> {
  let heard = clock.now()
  let strays = new Set<number>()
  for (let beat = 1; ; beat++) {
    const told = [...desk.running.values()].map(({ execution, log, progress }): Told => {
      return { id: execution.id, attempt: execution.attempt, progress: progress(), lines: log.take() }
    })
    const wasTaking = desk.isTaking()
    const before = new Set(desk.running.keys())
    try {
      const held = new Map((await queue.beat(worker)).map((one) => [one.id, one]))
      await queue.tell(worker.id, told)
      heard = clock.now()
      for (const [id, { execution, stop }] of desk.running) {
        const one = held.get(id)
        if (one?.isCancelling === true) stop('cancelled')
        else if (before.has(id) && one?.attempt !== execution.attempt) stop('handed-back')
      }
      // Taken, but the answer never came: nobody works on them, and after the second look they are given back.
      const unknown = wasTaking || desk.isTaking() ? [] : [...held.keys()].filter((id) => !desk.running.has(id) && !before.has(id))
      for (const id of unknown.filter((id) => strays.has(id))) await giveBack(queue, id)
      strays = new Set(unknown)
      if (beat % tendEvery === 0) await queue.tend({ ...care, lease })
    } catch (error) {
      for (const { id, lines } of told) desk.running.get(id)?.log.putBack(lines)
      if (clock.now() - heard > lease) {
        for (const one of desk.running.values()) one.stop('handed-back')
        warn(report, `the queue was out of reach for too long, and what ran here is given up: ${asFault(error).message}`)
        heard = clock.now()
      }
    }
    try {
      await clock.sleep(beatEvery, signal)
    } catch {
      return
    }
  }
}

async function giveBack(queue: Queue, id: number): Promise<void> {
  const execution = await queue.execution(id)
  if (execution?.state === 'running') await queue.end(execution, { kind: 'handed-back' })
}

/** The same again while the queue is out of reach, until it is there, or `limit` milliseconds are over; undefined then, and when it is stopped. */
async function steadily<T>(
  { clock, report, stop }: Pick<WorkOptions, 'clock' | 'report' | 'stop' | 'queue'>,
  ask: () => Promise<T>,
  limit = () => Number.POSITIVE_INFINITY,
): Promise<T | undefined> {
  const begun = clock.now()
  for (let wait = 250; !stop.aborted; wait = Math.min(longestWait, wait * 2)) {
    try {
      return await ask()
    } catch (error) {
      const fault = asFault(error)
      if (fault.retry !== 'later') throw fault
      if (clock.now() - begun > limit()) return undefined
      warn(report, `${fault.message}: trying again`)
      await clock.sleep(wait, stop).catch(() => undefined)
    }
  }
  return undefined
}

/** Waits that others can end. */
function wakeups(): { wake(): void; next(clock: Clock, ms: number): Promise<void> } {
  let isAwake = false
  let sleeper: AbortController | undefined
  return {
    wake() {
      isAwake = true
      sleeper?.abort(new Fault('aborted', 'woken'))
    },
    async next(clock, ms) {
      if (!isAwake) {
        sleeper = new AbortController()
        const { signal } = sleeper
        await clock.sleep(ms, signal).catch((error: unknown) => {
          if (!signal.aborted) throw error
        })
      }
      isAwake = false
    },
  }
}
