import type { IndexContext } from '../../src/python-index/index.ts'
import { faultyStore, type ObjectStore, randomFaults, retryingStore, type StoreFault } from '../../src/store/index.ts'
import type { IndexDesk } from '../fakes/index-desk.ts'
import { yieldingStore } from './yielding-store.ts'

/** Somebody at an index whose stores fail now and then, and who gives the others a turn between any two steps. */
export function hostileIndex(
  desk: IndexDesk,
  { random, by, rate, faults }: { random: () => number; by: string; rate: number; faults: readonly StoreFault[] },
): IndexContext {
  const planned = randomFaults({ random, rate, faults })
  const wrap = (store: ObjectStore) =>
    retryingStore(faultyStore(yieldingStore(store, random), planned, desk.clock), {
      clock: desk.clock,
      random,
      attempts: 3,
      base: 10,
      cap: 100,
    })
  return { ...desk.context, store: wrap(desk.store), bucket: wrap(desk.bucket), random, by }
}
