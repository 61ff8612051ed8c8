import type { Digest } from '../../kit/index.ts'
import type { BlockMethod } from '../pack/block.ts'
import { packSizeOf } from '../pack/pack.ts'
import { nodeBit, type PackContents } from '../pack/trailer.ts'
import { type GrowingNumbers, growingNumbers } from './growing.ts'

/** A pack as the index knows it. Its chunks have the numbers from `firstEntry` to before `endEntry`. */
export interface KnownPack {
  readonly id: Digest
  readonly size: number
  readonly firstEntry: number
  readonly endEntry: number
  /** Taken out of use for good: as if it were not there. */
  isGone: boolean
  /** A prune has listed it: writers treat its chunks as absent. */
  isCondemned: boolean
}

export interface BlockPlace {
  /** The block's number within the index. */
  readonly block: number
  readonly pack: KnownPack
  readonly method: BlockMethod
  readonly offset: number
  readonly stored: number
  readonly plain: number
  readonly firstEntry: number
  readonly endEntry: number
}

/** The packs of an index and the blocks in them, found by the numbers of their chunks. */
export interface PackTable {
  readonly packs: readonly KnownPack[]
  get(id: Digest): KnownPack | undefined
  /** One that is not known yet; its chunks follow those of the packs before. */
  add(id: Digest, contents: PackContents): void
  markGone(id: Digest): void
  condemn(ids: ReadonlySet<Digest>): void
  /** The pack that holds an entry. */
  packOf(entry: number): KnownPack
  /** The block that holds an entry. */
  placeOf(entry: number): BlockPlace
}

export function createPackTable(): PackTable {
  const packs: KnownPack[] = []
  const byId = new Map<Digest, KnownPack>()
  /** Packs that were said to be gone before, or without, being known. */
  const gone = new Set<Digest>()
  const blocks = {
    first: growingNumbers(),
    pack: growingNumbers(),
    offset: growingNumbers(),
    stored: growingNumbers(),
    plain: growingNumbers(),
  }
  const endEntry = () => packs.at(-1)?.endEntry ?? 0
  return {
    packs,
    get: (id) => byId.get(id),
    add(id, contents) {
      const firstEntry = endEntry()
      for (const { method, offset, stored, plain, first } of contents.blocks) {
        blocks.first.push(firstEntry + first)
        blocks.pack.push(packs.length)
        blocks.offset.push(offset)
        blocks.stored.push(stored)
        blocks.plain.push(method === 'raw' ? (plain | nodeBit) >>> 0 : plain)
      }
      const size = packSizeOf(contents)
      const known = { id, size, firstEntry, endEntry: firstEntry + contents.chunkCount, isGone: gone.has(id), isCondemned: false }
      packs.push(known)
      byId.set(id, known)
    },
    markGone(id) {
      gone.add(id)
      const known = byId.get(id)
      if (known !== undefined) known.isGone = true
    },
    condemn(condemned) {
      for (const pack of packs) pack.isCondemned = condemned.has(pack.id)
    },
    packOf: (entry) => packs[blocks.pack.at(lastAtMost(blocks.first, entry))]!,
    placeOf(entry) {
      const block = lastAtMost(blocks.first, entry)
      const plain = blocks.plain.at(block)
      return {
        block,
        pack: packs[blocks.pack.at(block)]!,
        method: (plain & nodeBit) === 0 ? 'zstd' : 'raw',
        offset: blocks.offset.at(block),
        stored: blocks.stored.at(block),
        plain: plain & ~nodeBit,
        firstEntry: blocks.first.at(block),
        endEntry: block + 1 < blocks.first.length ? blocks.first.at(block + 1) : endEntry(),
      }
    },
  }
}

/** The last index whose number is at most `value`; the numbers ascend and the first is 0. */
function lastAtMost(numbers: GrowingNumbers, value: number): number {
  let low = 0
  let high = numbers.length - 1
  while (low < high) {
    const middle = (low + high + 1) >>> 1
    if (numbers.at(middle) <= value) low = middle
    else high = middle - 1
  }
  return low
}
