import { asFault, type Fault } from '../../kit/index.ts'
import type { SyncStats } from './report.ts'
import { type SyncOptions, syncRuns } from './sync.ts'

export interface WatchOptions extends SyncOptions {
  /** Seconds between two syncs. */
  readonly every: number
  /** Seconds: each sync waits a random part of it more. */
  readonly jitter: number
  readonly random: () => number
  readonly onRound: (round: { readonly stats: SyncStats } | { readonly fault: Fault }) => void
}

/** What another round may find mended. Anything else ends the watch. */
const passing = new Set(['unavailable', 'busy', 'not-found', 'nothing-to-do', 'precondition', 'corrupt', 'partial'])

/** Syncs again and again, until the signal fires: then it throws `aborted`. A round that fails is told, and the next one tries again. */
export async function watchRuns(options: WatchOptions): Promise<never> {
  const { clock, random, every, jitter, onRound, signal } = options
  for (;;) {
    if (jitter > 0) await clock.sleep(random() * jitter * 1000, signal)
    try {
      onRound({ stats: await syncRuns(options) })
    } catch (error) {
      const fault = asFault(error)
      if (!passing.has(fault.code)) throw fault
      onRound({ fault })
    }
    await clock.sleep(every * 1000, signal)
  }
}
