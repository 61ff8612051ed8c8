import { asFault, type Fault, type Report } from '../kit/index.ts'
import type { ImagesContext } from './context.ts'
import { type Cycle, cycle, type CycledTag, type CycleOptions } from './cycle.ts'
import type { XrefTag } from './xref/plan.ts'

export interface DaemonOptions extends Pick<CycleOptions, 'force' | 'retagAsLatest' | 'scratchFolder'> {
  /** Milliseconds between two cycles. */
  readonly interval: number
  readonly onEvent: (event: DaemonEvent) => void
}

export type DaemonEvent =
  | { readonly kind: 'tag'; readonly cycle: number; readonly done: CycledTag; readonly nextTry: number | undefined }
  | { readonly kind: 'cycle'; readonly cycle: number; readonly done: Cycle; readonly took: number; readonly next: number }
  | { readonly kind: 'failed'; readonly cycle: number; readonly fault: Fault; readonly failures: number; readonly next: number }

/** What a daemon did until it was stopped. */
export interface DaemonTotals {
  readonly cycles: number
  /** Tags of which all images are there now. */
  readonly synced: number
  /** Tags that failed, each time counted. */
  readonly failed: number
}

/** Milliseconds. A tag is tried again a day later at the latest, and who could not be asked within an hour, or one interval where that is longer. */
const longestForTag = 86_400_000
const longestForCycle = 3_600_000

/** What may be mended while one waits. Anything else ends a daemon that never had a good cycle: somebody has to look. */
const passing = new Set<Fault['code']>(['unavailable', 'busy', 'not-found', 'precondition', 'corrupt', 'partial'])

/**
 * Brings what is missing, again and again, until the signal fires: then what is under way is broken off, which costs nothing, since the next run
 * goes on there. A tag that fails is tried again after one interval, then after two, and so on; a newer run of it at once.
 */
export async function runDaemon(context: ImagesContext, options: DaemonOptions): Promise<DaemonTotals> {
  const { clock, signal } = context
  const { interval, onEvent } = options
  const patience = tagPatience(interval, clock.now)
  const remarks = remarksOnce(context.report)
  const totals = { cycles: 0, synced: 0, failed: 0 }
  const isStopped = () => signal?.aborted === true
  let failures = 0
  while (!isStopped()) {
    const number = totals.cycles + 1
    const start = clock.now()
    let wait = interval
    try {
      const onTag = (done: CycledTag) => {
        if (done.fault === undefined) totals.synced++
        else totals.failed++
        onEvent({ kind: 'tag', cycle: number, done, nextTry: patience.note(done) })
      }
      const done = await cycle({ ...context, report: remarks.report }, { ...options, isWaiting: patience.isWaiting, onTag })
      totals.cycles = number
      remarks.cycleEnded()
      failures = 0
      onEvent({ kind: 'cycle', cycle: number, done, took: clock.now() - start, next: clock.now() + wait })
    } catch (error) {
      if (isStopped()) break
      const fault = asFault(error)
      if (fault.code === 'bug' || (totals.cycles === 0 && !passing.has(fault.code))) throw fault
      failures++
      wait = Math.max(backOff(interval, failures, Math.max(interval, longestForCycle)), fault.retryAfter ?? 0)
      onEvent({ kind: 'failed', cycle: number, fault, failures, next: clock.now() + wait })
    }
    try {
      await clock.sleep(wait, signal)
    } catch (error) {
      if (!isStopped()) throw error
    }
  }
  return totals
}

/** What every cycle would remark is told once, and again only after a cycle without it. */
function remarksOnce(report: Report): { readonly report: Report; cycleEnded(): void } {
  let [before, now] = [new Set<string>(), new Set<string>()]
  return {
    report(event) {
      if (event.kind !== 'note') return report(event)
      const isKnown = before.has(event.text) || now.has(event.text)
      now.add(event.text)
      if (!isKnown) report(event)
    },
    cycleEnded() {
      ;[before, now] = [now, new Set()]
    },
  }
}

/** Milliseconds: doubled with each failure. */
function backOff(interval: number, failures: number, longest: number): number {
  return Math.min(longest, interval * 2 ** (failures - 1))
}

interface Patience {
  isWaiting(missing: XrefTag): boolean
  /** When it is tried again; undefined where it went well. */
  note(done: CycledTag): number | undefined
}

/** Kept for the life of the process: a restart tries everything again. */
function tagPatience(interval: number, now: () => number): Patience {
  const failed = new Map<string, { readonly run: string; readonly failures: number; readonly next: number }>()
  const runOf = ({ run }: XrefTag) => `${run.id} ${run.attempt}`
  return {
    isWaiting(missing) {
      const known = failed.get(missing.tag)
      // The cycle that is nearest to it takes it.
      return known !== undefined && known.run === runOf(missing) && now() + interval / 2 < known.next
    },
    note({ missing, fault }) {
      if (fault === undefined) {
        failed.delete(missing.tag)
        return undefined
      }
      const known = failed.get(missing.tag)
      const failures = known?.run === runOf(missing) ? known.failures + 1 : 1
      const next = now() + backOff(interval, failures, Math.max(interval, longestForTag))
      failed.set(missing.tag, { run: runOf(missing), failures, next })
      return next
    },
  }
}
