import type { Digest } from '../../kit/index.ts'
import type { ChunkKind } from '../chunk.ts'
import { chunkEntryBytes, nodeBit, type PackContents } from '../pack/trailer.ts'
import { growingNumbers, type GrowingNumbers } from './growing.ts'
import { createIdTable } from './id-table.ts'
import { type BlockPlace, createPackTable, type KnownPack } from './pack-table.ts'

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
  const table = createPackTable()
  const { packOf } = table
  return {
    get size() {
      return ids.size
    },
    packs: table.packs,
    pack: table.get,
    add(id, contents) {
      if (table.get(id) !== undefined) return
      const { chunkCount, trailer, chunksAt } = contents
      const view = new DataView(trailer.buffer, trailer.byteOffset, trailer.byteLength)
      for (let index = 0, at = chunksAt; index < chunkCount; index++, at += chunkEntryBytes) {
        ids.add(trailer, at)
        lengths.push(view.getUint32(at + 32, true))
      }
      table.add(id, contents)
    },
    markGone: table.markGone,
    condemn: table.condemn,
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
    findAll(id) {
      const found: number[] = []
      for (let entry = ids.find(id, 0); entry !== -1; entry = ids.find(id, 0, entry)) if (!packOf(entry).isGone) found.push(entry)
      return found
    },
    firstOf: (id) => ids.find(id, 0),
    isReliable(entry) {
      const { isGone, isCondemned } = packOf(entry)
      return !isGone && !isCondemned
    },
    idAt: ids.at,
    lengthAt: (entry) => lengths.at(entry) & ~nodeBit,
    kindAt: (entry) => ((lengths.at(entry) & nodeBit) === 0 ? 'chunk' : 'node'),
    placeOf: table.placeOf,
    chunksOf({ firstEntry, endEntry }) {
      const chunks = new Uint8Array((endEntry - firstEntry) * chunkEntryBytes)
      const view = new DataView(chunks.buffer)
      for (let entry = firstEntry, at = 0; entry < endEntry; entry++, at += chunkEntryBytes) {
        chunks.set(ids.at(entry), at)
        view.setUint32(at + 32, lengths.at(entry), true)
      }
      return chunks
    },
    offsetOf: createSum(lengths),
  }
}

/** What comes before an entry in its block. Blocks are mostly read in their order: the sum goes on from where the last one ended. */
function createSum(lengths: GrowingNumbers): ChunkIndex['offsetOf'] {
  let summed = { first: -1, entry: 0, offset: 0 }
  return (entry, place) => {
    const { from, offset } =
      summed.first === place.firstEntry && summed.entry <= entry
        ? { from: summed.entry, offset: summed.offset }
        : { from: place.firstEntry, offset: 0 }
    let sum = offset
    for (let before = from; before < entry; before++) sum += lengths.at(before) & ~nodeBit
    summed = { first: place.firstEntry, entry, offset: sum }
    return sum
  }
}
