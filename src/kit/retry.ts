import { asFault, type Fault } from './fault.ts'
import { throwIfAborted } from './abort.ts'
import type { Clock } from './clock.ts'

export interface RetryPolicy {
  readonly clock: Clock
  /** A number in [0, 1): the jitter. */
  readonly random: () => number
  /** Tries in all. */
  readonly attempts: number
  /** Milliseconds: the first ceiling, doubled with each try. */
  readonly base: number
  /** Milliseconds: no wait is longer, Retry-After excepted. */
  readonly cap: number
  readonly onRetry?: (fault: Fault, attempt: number, wait: number) => void
}

/**
 * Runs `work` until it succeeds, fails for good, or the tries are used up. Only faults that say `later` are tried
 * again. The wait is a random part of a ceiling that doubles ("full jitter"), or what the other side asked for.
 */
export async function retrying<T>(policy: RetryPolicy, work: (attempt: number) => Promise<T>, signal?: AbortSignal): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    throwIfAborted(signal)
    try {
      return await work(attempt)
    } catch (error) {
      const fault = asFault(error)
      if (fault.retry !== 'later' || attempt >= policy.attempts) throw fault
      const ceiling = Math.min(policy.cap, policy.base * 2 ** (attempt - 1))
      const wait = fault.retryAfter ?? policy.random() * ceiling
      policy.onRetry?.(fault, attempt, wait)
      await policy.clock.sleep(wait, signal)
    }
  }
}
