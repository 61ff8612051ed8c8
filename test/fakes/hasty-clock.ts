import { abortFault, type Clock } from '../../src/kit/index.ts'

/** A clock whose sleepers wake at once: sleeping moves the time on. `set` moves it by hand. */
export function hastyClock(start: number): Clock & { set(now: number): void } {
  let now = start
  return {
    now: () => now,
    set: (to) => void (now = to),
    async sleep(ms, signal) {
      await new Promise((resolve) => setImmediate(resolve))
      if (signal?.aborted) throw abortFault(signal)
      now += ms
    },
  }
}
