import type { ChunkKind } from '../chunk.ts'
import { compressBlock, freeNow, seemsCompressible } from './block.ts'
import { type BlockEntry, chunkEntryBytes, lengthWord } from './trailer.ts'

/** Blocks one after the other, as they will stand in a pack, and what is in them. */
export interface PackBody {
  /** The bytes of all blocks, each piece in a buffer of its own. */
  readonly pieces: readonly Uint8Array[]
  readonly size: number
  readonly blocks: readonly BlockEntry[]
}

/** Gathers chunks in blocks, compresses these, and gathers them in the body of a pack. */
export interface Packer {
  /** The bytes are copied. */
  add(id: Uint8Array, kind: ChunkKind, bytes: Uint8Array): void
  /** The body has become large enough for a pack: `take` it. */
  readonly isFull: boolean
  /** What there is; undefined for nothing. Begins anew. */
  take(): PackBody | undefined
}

/** Plain bytes after which a block is closed: larger ones compress a little faster, smaller ones cost less to read one chunk of. */
export const blockBytes = 256 << 10
/** Stored bytes after which a body is full. */
export const bodyBytes = 8 << 20
/** A body grows by pieces of this length, so that it takes no more memory than it has bytes. */
const segmentBytes = 1 << 20
const firstBuffer = 512 << 10

export function createPacker(level: number): Packer {
  let pieces: Uint8Array[] = []
  let stored = 0
  let blocks: BlockEntry[] = []
  let plain = new Uint8Array(0)
  let filled = 0
  let chunks: { readonly id: Uint8Array; readonly word: number }[] = []
  let wasRaw = false

  const append = (bytes: Uint8Array) => {
    for (let at = 0; at < bytes.byteLength;) {
      if (pieces.length * segmentBytes === stored) pieces.push(new Uint8Array(segmentBytes))
      const part = bytes.subarray(at, at + pieces.length * segmentBytes - stored)
      pieces.at(-1)!.set(part, stored % segmentBytes)
      stored += part.byteLength
      at += part.byteLength
    }
  }
  const closeBlock = () => {
    if (chunks.length === 0) return
    const bytes = plain.subarray(0, filled)
    const isRaw = wasRaw && !seemsCompressible(bytes)
    const block = isRaw ? ({ method: 'raw', bytes } as const) : compressBlock(bytes, level)
    wasRaw = block.method === 'raw'
    append(block.bytes)
    blocks.push({ method: block.method, stored: block.bytes.byteLength, plain: filled, chunks: encodeChunks(chunks) })
    if (block.method === 'zstd') freeNow(block.bytes)
    chunks = []
    filled = 0
  }
  return {
    get isFull() {
      return stored >= bodyBytes
    },
    add(id, kind, bytes) {
      plain = withRoom(plain, filled, bytes.byteLength)
      plain.set(bytes, filled)
      filled += bytes.byteLength
      chunks.push({ id, word: lengthWord(kind, bytes.byteLength) })
      if (filled >= blockBytes) closeBlock()
    },
    take() {
      closeBlock()
      const last = pieces.pop()
      const taken =
        last === undefined
          ? undefined
          : { pieces: [...pieces, last.subarray(0, stored - pieces.length * segmentBytes)], size: stored, blocks }
      pieces = []
      stored = 0
      blocks = []
      return taken
    },
  }
}

/** The same bytes with room for more: doubled, up to what the fullest block needs. */
function withRoom(bytes: Uint8Array<ArrayBuffer>, used: number, more: number): Uint8Array<ArrayBuffer> {
  if (used + more <= bytes.byteLength) return bytes
  const wider = new Uint8Array(Math.max(used + more, firstBuffer, bytes.byteLength * 2))
  wider.set(bytes.subarray(0, used))
  return wider
}

function encodeChunks(chunks: readonly { readonly id: Uint8Array; readonly word: number }[]): Uint8Array {
  const bytes = new Uint8Array(chunks.length * chunkEntryBytes)
  const view = new DataView(bytes.buffer)
  chunks.forEach(({ id, word }, index) => {
    bytes.set(id, index * chunkEntryBytes)
    view.setUint32(index * chunkEntryBytes + 32, word, true)
  })
  return bytes
}
