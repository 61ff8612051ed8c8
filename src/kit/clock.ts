import { setTimeout as wait } from 'node:timers/promises'
import { abortFault } from './abort.ts'

/** Time, passed in so that tests own it. */
export interface Clock {
  /** Milliseconds since 1970, UTC. */
  now(): number
  /** Resolves after `ms` milliseconds; throws `aborted` when the signal fires first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  async sleep(ms, signal) {
    try {
      await wait(ms, undefined, signal === undefined ? {} : { signal })
    } catch (error) {
      if (signal?.aborted) throw abortFault(signal)
      throw error
    }
  },
}
