import type { ChunkIndex } from '../indexes/chunk-index.ts'
import type { KnownPack } from '../indexes/pack-table.ts'

/** What is to happen with packs that are in use. */
export interface PackPlan {
  /** Nothing in them is needed. */
  readonly unneeded: readonly KnownPack[]
  /** So little of them is needed that it is worth packing that anew. */
  readonly sparse: readonly SparsePack[]
}

export interface SparsePack {
  readonly pack: KnownPack
  /** Entries that are needed. */
  readonly entries: readonly number[]
}

/** The part of a pack that may be unneeded before it is packed anew. */
const tolerated = 0.25

/** Pure. Where a chunk is in several packs, one copy is needed: the one in the pack that is most needed anyway. */
export function planPacks(index: ChunkIndex, isReached: (entry: number) => boolean): PackPlan {
  const inUse = index.packs.filter(({ isGone, isCondemned }) => !isGone && !isCondemned)
  const shares = new Map(inUse.map((pack) => [pack, reachedShare(index, pack, isReached)]))
  const byShare = inUse.toSorted((a, b) => shares.get(b)! - shares.get(a)! || (a.id < b.id ? -1 : 1))
  const taken = new Set<number>()
  const unneeded: KnownPack[] = []
  const sparse: SparsePack[] = []
  for (const pack of byShare) {
    const entries: number[] = []
    let [needed, total] = [0, 0]
    for (let entry = pack.firstEntry; entry < pack.endEntry; entry++) {
      const length = index.lengthAt(entry)
      total += length
      if (!isReached(entry)) continue
      // Only chunks that are there twice need to be remembered.
      const first = index.firstOf(index.idAt(entry))
      if (taken.has(first)) continue
      if (index.findAll(index.idAt(entry)).length > 1) taken.add(first)
      entries.push(entry)
      needed += length
    }
    if (entries.length === 0) unneeded.push(pack)
    else if (needed < total * (1 - tolerated)) sparse.push({ pack, entries })
  }
  return { unneeded, sparse }
}

function reachedShare(index: ChunkIndex, pack: KnownPack, isReached: (entry: number) => boolean): number {
  let [reached, total] = [0, 0]
  for (let entry = pack.firstEntry; entry < pack.endEntry; entry++) {
    const length = index.lengthAt(entry)
    total += length
    if (isReached(entry)) reached += length
  }
  return reached / total
}

/** Whether a pack may be deleted: of all in it that is reached, another copy is in a pack that is in use. */
export function isDispensable(index: ChunkIndex, pack: KnownPack, isReached: (entry: number) => boolean): boolean {
  for (let entry = pack.firstEntry; entry < pack.endEntry; entry++) {
    if (!isReached(entry)) continue
    const best = index.find(index.idAt(entry))
    if (best === -1 || !index.isReliable(best)) return false
  }
  return true
}
