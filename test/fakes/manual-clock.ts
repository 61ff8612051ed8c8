import { abortFault, type Clock } from '../../src/kit/index.ts'

/** A clock that stands still until a test moves it. */
export interface ManualClock extends Clock {
  /** Moves time on and wakes every sleeper whose time has come, in order. */
  advance(ms: number): Promise<void>
}

export function manualClock(start = Date.UTC(2025, 0, 15, 14, 30)): ManualClock {
  let now = start
  let sleepers: { until: number; wake: () => void }[] = []
  return {
    now: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(abortFault(signal))
        const sleeper = { until: now + ms, wake: resolve }
        sleepers.push(sleeper)
        signal?.addEventListener('abort', () => {
          sleepers = sleepers.filter((other) => other !== sleeper)
          reject(abortFault(signal))
        })
      }),
    async advance(ms) {
      const end = now + ms
      for (;;) {
        await settled()
        const next = sleepers.filter(({ until }) => until <= end).toSorted((a, b) => a.until - b.until)[0]
        if (next === undefined) break
        sleepers = sleepers.filter((other) => other !== next)
        now = Math.max(now, next.until)
        next.wake()
      }
      now = end
      await settled()
    },
  }
}

/** After every microtask that is due now. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
