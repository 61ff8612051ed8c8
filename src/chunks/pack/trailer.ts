import { Fault } from '../../kit/index.ts'
import type { ChunkKind } from '../chunk.ts'
import { type BlockMethod, maxBlockBytes } from './block.ts'

/** What a pack holds, as its trailer and every index say it: blocks in their order, and the chunks within them in theirs. */
export interface PackContents {
  readonly blocks: readonly PackBlock[]
  readonly chunkCount: number
  /** The canonical bytes: the same in the pack and in an index. */
  readonly trailer: Uint8Array
  /** Where in `trailer` the first chunk stands: 32 bytes of id, then the length with the top bit set for a node. */
  readonly chunksAt: number
}

export interface PackBlock {
  readonly method: BlockMethod
  /** Where it begins in the pack. */
  readonly offset: number
  readonly stored: number
  readonly plain: number
  /** The number of its first chunk within the pack. */
  readonly first: number
  readonly count: number
}

/** A block before it has a place in a pack. */
export interface BlockEntry {
  readonly method: BlockMethod
  readonly stored: number
  readonly plain: number
  /** 36 bytes for each chunk: id and length with kind, as in the trailer. */
  readonly chunks: Uint8Array
}

export const chunkEntryBytes = 36
export const nodeBit = 0x80000000
/** Magic and a number used once. */
export const headerBytes = 24
const blockBytes = 13
const methods: readonly BlockMethod[] = ['raw', 'zstd']

export function lengthWord(kind: ChunkKind, length: number): number {
  return kind === 'node' ? (length | nodeBit) >>> 0 : length
}

export function encodeTrailer(blocks: readonly BlockEntry[]): Uint8Array {
  const chunkBytes = blocks.reduce((sum, { chunks }) => sum + chunks.byteLength, 0)
  const trailer = Buffer.alloc(4 + blocks.length * blockBytes + chunkBytes)
  trailer.writeUInt32LE(blocks.length, 0)
  let at = 4
  for (const { method, stored, plain, chunks } of blocks) {
    trailer.writeUInt8(methods.indexOf(method), at)
    trailer.writeUInt32LE(stored, at + 1)
    trailer.writeUInt32LE(plain, at + 5)
    trailer.writeUInt32LE(chunks.byteLength / chunkEntryBytes, at + 9)
    at += blockBytes
  }
  for (const { chunks } of blocks) {
    trailer.set(chunks, at)
    at += chunks.byteLength
  }
  return trailer
}

/** Strict: a trailer has one form, and every length in it agrees with every other. Anything else is `corrupt`. */
export function parseTrailer(trailer: Uint8Array, at: string): PackContents {
  const wrong = (what: string) => new Fault('corrupt', `the list of a pack's contents is damaged: ${what}`, { at })
  const view = new DataView(trailer.buffer, trailer.byteOffset, trailer.byteLength)
  const blockCount = trailer.byteLength < 4 ? 0 : view.getUint32(0, true)
  const chunksAt = 4 + blockCount * blockBytes
  if (blockCount === 0 || chunksAt > trailer.byteLength) throw wrong(`${blockCount} blocks in ${trailer.byteLength} bytes`)
  const chunkCount = (trailer.byteLength - chunksAt) / chunkEntryBytes
  const blocks: PackBlock[] = []
  let offset = headerBytes
  let first = 0
  for (let entry = 4; entry < chunksAt; entry += blockBytes) {
    const method = methods[view.getUint8(entry)]
    const [stored, plain, count] = [view.getUint32(entry + 1, true), view.getUint32(entry + 5, true), view.getUint32(entry + 9, true)]
    if (method === undefined) throw wrong(`an unknown way of storing, ${view.getUint8(entry)}`)
    if (count === 0 || first + count > chunkCount) throw wrong(`a block of ${count} chunks`)
    if (plain > maxBlockBytes || stored > plain || stored === 0 || (method === 'raw' && stored !== plain)) {
      throw wrong(`a block of ${stored} bytes for ${plain}`)
    }
    if (plain !== plainOf(view, chunksAt, first, count)) throw wrong(`chunks that do not fill their block`)
    blocks.push({ method, offset, stored, plain, first, count })
    offset += stored
    first += count
  }
  if (first !== chunkCount) throw wrong(`${chunkCount} chunks, of which ${first} are in blocks`)
  return { blocks, chunkCount, trailer, chunksAt }
}

/** Adds up the lengths; a chunk of no bytes counts as damage. */
function plainOf(view: DataView, chunksAt: number, first: number, count: number): number {
  let sum = 0
  for (let index = first; index < first + count; index++) {
    const length = view.getUint32(chunksAt + index * chunkEntryBytes + 32, true) & ~nodeBit
    if (length === 0) return -1
    sum += length
  }
  return sum
}
