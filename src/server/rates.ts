import type { Clock } from '../kit/index.ts'

export interface Rates {
  /** Takes one, or what it costs, from what an address has left. Milliseconds until there is one again where none is left; else 0. */
  take(address: string, cost?: number): number
}

/** Seconds of its rate that an address may use at once: an install asks for many pages in a row. */
const burst = 5
/** Addresses that are remembered; those that were quiet for longest are forgotten. */
const mostKept = 10_000

/** A bucket of tokens for each address. A whole network of IPv6 is one: who has an address there has all of them. */
export function createRates(rate: number, clock: Clock): Rates {
  if (rate === 0) return { take: () => 0 }
  const buckets = new Map<string, { left: number; at: number }>()
  const most = rate * burst
  return {
    take(address, cost = 1) {
      const key = networkOf(address)
      const now = clock.now()
      const known = buckets.get(key)
      const bucket = known ?? { left: most, at: now }
      bucket.left = Math.min(most, bucket.left + (Math.max(0, now - bucket.at) * rate) / 1000)
      bucket.at = now
      buckets.delete(key)
      buckets.set(key, bucket)
      if (buckets.size > mostKept) buckets.delete(buckets.keys().next().value!)
      if (bucket.left < 1) return ((1 - bucket.left) * 1000) / rate
      bucket.left -= cost
      return 0
    },
  }
}

/** Of an IPv6 address its first four groups, however it is written: `::` may stand for some of them. */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address
  const [before = [], after = []] = address.split('::').map((part) => (part === '' ? [] : part.split(':')))
  const left = Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => '0')
  const groups = [...before, ...left, ...after].slice(0, 4)
  return groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':')
}
