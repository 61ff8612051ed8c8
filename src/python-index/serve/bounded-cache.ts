export interface BoundedCache<V> {
  /** What is kept under the key, else what `make` gives; asked for at once by several it is made once. A failure is not kept. */
  get(key: string, make: () => Promise<V>): Promise<V>
}

/** Keeps what was used last, up to a total weight. What alone is heavier is handed out and not kept. */
export function createBoundedCache<V>(limit: number, weigh: (value: V) => number): BoundedCache<V> {
  const kept = new Map<string, { readonly value: V; readonly weight: number }>()
  const underWay = new Map<string, Promise<V>>()
  let total = 0
  const keep = (key: string, value: V) => {
    const weight = weigh(value)
    if (weight > limit) return
    kept.set(key, { value, weight })
    total += weight
    for (const [oldest, entry] of kept) {
      if (total <= limit) break
      kept.delete(oldest)
      total -= entry.weight
    }
  }
  return {
    async get(key, make) {
      const found = kept.get(key)
      if (found !== undefined) {
        kept.delete(key)
        kept.set(key, found)
        return found.value
      }
      const running = underWay.get(key)
      if (running !== undefined) return await running
      const work = make().finally(() => underWay.delete(key))
      underWay.set(key, work)
      const value = await work
      keep(key, value)
      return value
    },
  }
}
