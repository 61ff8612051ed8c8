import { type Clock, formatDuration, type Report } from '../../kit/index.ts'

/** Milliseconds. The hour of the primary limit, with something for clocks that differ. */
const longestWait = 65 * 60_000
/** Waits for one request, one after another. */
const mostWaits = 3

/** How Octokit's plugin asks whether to wait: seconds. It waits no second of its own. */
export interface LimitHandlers {
  readonly onRateLimit: LimitHandler
  readonly onSecondaryRateLimit: LimitHandler
}
type LimitHandler = (seconds: number, asked: unknown, octokit: unknown, waited: number) => Promise<boolean>

/**
 * Waits until GitHub takes requests again, and says so. Bounded, and ended at once by the signal: the request then fails with what GitHub said.
 */
export function limitHandlers({ clock, report }: { readonly clock: Clock; readonly report: Report }): LimitHandlers {
  let told = 0
  const handler =
    (what: string): LimitHandler =>
    async (seconds, asked, _octokit, waited) => {
      const wait = seconds * 1000
      if (!(wait >= 0 && wait <= longestWait) || waited >= mostWaits) return false
      const until = clock.now() + wait
      // Requests side by side meet the same limit.
      if (Math.abs(until - told) > 2000) {
        told = until
        const text = `${what}: waiting ${formatDuration(wait)}, until ${new Date(until).toISOString().slice(11, 19)} UTC`
        report({ kind: 'note', level: 'warning', text, event: 'github_rate_limit' })
      }
      await clock.sleep(wait, signalOf(asked))
      return true
    }
  return {
    onRateLimit: handler('GitHub’s rate limit is used up'),
    onSecondaryRateLimit: handler('GitHub wants fewer requests at once (secondary rate limit)'),
  }
}

/** Of the request as Octokit has it. */
function signalOf(asked: unknown): AbortSignal | undefined {
  const request = asked !== null && typeof asked === 'object' && 'request' in asked ? asked.request : undefined
  const signal = request !== null && typeof request === 'object' && 'signal' in request ? request.signal : undefined
  return signal instanceof AbortSignal ? signal : undefined
}
