import { hash } from 'node:crypto'
import { decompressBlock, type StoredBlock } from './block.ts'
import { chunkEntryBytes, nodeBit } from './trailer.ts'

/** A block's plain bytes, all of whose chunks have been checked against their ids. */
export interface OpenedBlock {
  readonly plain: Uint8Array
  /** Where each chunk begins, and where the last one ends. */
  readonly offsets: Uint32Array
  /** The chunks, by their number within the block, whose bytes do not match their id. */
  readonly bad: readonly number[]
}

/** `chunks`: as in a trailer, 36 bytes each. Throws `corrupt` where it cannot be decompressed. */
export function openBlock(stored: StoredBlock, plain: number, chunks: Uint8Array, at: string): OpenedBlock {
  const bytes = decompressBlock(stored, plain, at)
  const view = new DataView(chunks.buffer, chunks.byteOffset, chunks.byteLength)
  const bad: number[] = []
  const offsets = new Uint32Array(chunks.byteLength / chunkEntryBytes + 1)
  let offset = 0
  for (let entry = 0; entry < chunks.byteLength; entry += chunkEntryBytes) {
    const length = view.getUint32(entry + 32, true) & ~nodeBit
    const actual = hash('sha256', bytes.subarray(offset, offset + length), 'buffer')
    if (actual.compare(chunks, entry, entry + 32) !== 0) bad.push(entry / chunkEntryBytes)
    offset += length
    offsets[entry / chunkEntryBytes + 1] = offset
  }
  return { plain: bytes, offsets, bad }
}
