import type { Digest } from '../../kit/index.ts'
import type { ChunkKind } from '../chunk.ts'
import type { BlockMethod } from '../pack/block.ts'
import { chunkEntryBytes, nodeBit, type PackContents } from '../pack/trailer.ts'
import { packSizeOf } from '../pack/pack.ts'
import { growingNumbers } from './growing.ts'
import { createIdTable } from './id-table.ts'

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

/** Which chunk is in which pack, in about 45 bytes of memory a chunk. An entry is one copy of a chunk: several packs may hold it. */
export interface ChunkIndex {
  readonly size: number
  readonly packs: readonly KnownPack[]
  pack(id: Digest): KnownPack | undefined
  /** A pack that is known already is not added again. */
  add(id: Digest, contents: PackContents): void
  markGone(id: Digest): void
  condemn(ids: ReadonlySet<Digest>): void
  /** The best copy: in a pack that is in use, else in a condemned one; -1 for none. */
  find(id: Uint8Array, offset?: number): number
  /** Every copy in packs that are not gone. */
  findAll(id: Uint8Array): number[]
  /** The first entry of that id, whatever has become of its pack: it stands for all copies. -1 for none. */
  firstOf(id: Uint8Array): number
  isReliable(entry: number): boolean
  idAt(entry: number): Uint8Array
  lengthAt(entry: number): number
  kindAt(entry: number): ChunkKind
  /** The block that holds an entry. */
  placeOf(entry: number): BlockPlace
  /** The chunks of a block, as in a trailer. */
  chunksOf(place: BlockPlace): Uint8Array
  /** Where an entry begins in its block. */
  offsetOf(entry: number, place: BlockPlace): number
}

export function createChunkIndex(): ChunkIndex {
  const ids = createIdTable()
  const lengths = growingNumbers()
  const blocks = {
    first: growingNumbers(),
    pack: growingNumbers(),
    offset: growingNumbers(),
    stored: growingNumbers(),
    plain: growingNumbers(),
  }
  const packs: KnownPack[] = []
  const byId = new Map<Digest, KnownPack>()
  /** Packs that were said to be gone before, or without, being known. */
  const gone = new Set<Digest>()

  const blockOf = (entry: number) => lastAtMost(blocks.first, entry)
  const packOf = (entry: number) => packs[blocks.pack.at(blockOf(entry))]!
  const isReliable = (entry: number) => {
    const { isGone, isCondemned } = packOf(entry)
    return !isGone && !isCondemned
  }
  const findAll = (id: Uint8Array, offset = 0) => {
    const found: number[] = []
    for (let entry = ids.find(id, offset); entry !== -1; entry = ids.find(id, offset, entry)) if (!packOf(entry).isGone) found.push(entry)
    return found
  }
  let summed = { first: -1, entry: 0, offset: 0 }
  return {
    get size() {
      return ids.size
    },
    packs,
    pack: (id) => byId.get(id),
    add(id, contents) {
      if (byId.has(id)) return
      const { chunkCount, trailer, chunksAt } = contents
      const firstEntry = ids.size
      const known: KnownPack = {
        id,
        size: packSizeOf(contents),
        firstEntry,
        endEntry: firstEntry + chunkCount,
        isGone: gone.has(id),
        isCondemned: false,
      }
      for (const { method, offset, stored, plain, first } of contents.blocks) {
        blocks.first.push(firstEntry + first)
        blocks.pack.push(packs.length)
        blocks.offset.push(offset)
        blocks.stored.push(stored)
        blocks.plain.push(method === 'raw' ? (plain | nodeBit) >>> 0 : plain)
      }
      const view = new DataView(trailer.buffer, trailer.byteOffset, trailer.byteLength)
      for (let index = 0, at = chunksAt; index < chunkCount; index++, at += chunkEntryBytes) {
        ids.add(trailer, at)
        lengths.push(view.getUint32(at + 32, true))
      }
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
    find(id, offset = 0) {
      let second = -1
      for (let entry = ids.find(id, offset); entry !== -1; entry = ids.find(id, offset, entry)) {
        const { isGone, isCondemned } = packOf(entry)
        if (isGone) continue
        if (!isCondemned) return entry
        if (second === -1) second = entry
      }
      return second
    },
    findAll,
    firstOf: (id) => ids.find(id, 0),
    isReliable,
    idAt: (entry) => ids.at(entry),
    lengthAt: (entry) => lengths.at(entry) & ~nodeBit,
    kindAt: (entry) => ((lengths.at(entry) & nodeBit) === 0 ? 'chunk' : 'node'),
    placeOf(entry) {
      const block = blockOf(entry)
      const plain = blocks.plain.at(block)
      return {
        block,
        pack: packs[blocks.pack.at(block)]!,
        method: (plain & nodeBit) === 0 ? 'zstd' : 'raw',
        offset: blocks.offset.at(block),
        stored: blocks.stored.at(block),
        plain: plain & ~nodeBit,
        firstEntry: blocks.first.at(block),
        endEntry: block + 1 < blocks.first.length ? blocks.first.at(block + 1) : ids.size,
      }
    },
    chunksOf({ firstEntry, endEntry }) {
      const chunks = new Uint8Array((endEntry - firstEntry) * chunkEntryBytes)
      const view = new DataView(chunks.buffer)
      for (let entry = firstEntry, at = 0; entry < endEntry; entry++, at += chunkEntryBytes) {
        chunks.set(ids.at(entry), at)
        view.setUint32(at + 32, lengths.at(entry), true)
      }
      return chunks
    },
    offsetOf(entry, place) {
      // Blocks are mostly read in their order: the sum goes on from where the last one ended.
      const { from, offset } =
        summed.first === place.firstEntry && summed.entry <= entry
          ? { from: summed.entry, offset: summed.offset }
          : { from: place.firstEntry, offset: 0 }
      let sum = offset
      for (let before = from; before < entry; before++) sum += lengths.at(before) & ~nodeBit
      summed = { first: place.firstEntry, entry, offset: sum }
      return sum
    },
  }
}

/** The last index whose number is at most `value`; the numbers ascend and the first is 0. */
function lastAtMost(numbers: { readonly length: number; at(index: number): number }, value: number): number {
  let low = 0
  let high = numbers.length - 1
  while (low < high) {
    const middle = (low + high + 1) >>> 1
    if (numbers.at(middle) <= value) low = middle
    else high = middle - 1
  }
  return low
}
