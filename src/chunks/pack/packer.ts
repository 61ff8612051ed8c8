import type { ChunkKind } from '../chunk.ts'
import { compressBlock, freeNow, seemsCompressible } from './block.ts'
import { type BlockEntry, chunkEntryBytes, lengthWord } from './trailer.ts'

/** Blocks one after the other, as they will stand in a pack, and what is in them. */
export interface PackBody {
  readonly bytes: Uint8Array
  readonly blocks: readonly BlockEntry[]
}

/** Gathers chunks in blocks, compresses these, and gathers them in the body of a pack. */
export interface Packer {
  /** The bytes are copied. */
  add(id: Uint8Array, kind: ChunkKind, bytes: Uint8Array): void
  /** The body has become large enough for a pack: `take` it. */
  readonly isFull: boolean
  /** What there is; undefined for nothing. Begins anew, in `buffer` if one is given. */
  take(buffer?: ArrayBuffer): PackBody | undefined
}

/** Plain bytes after which a block is closed: larger ones compress a little faster, smaller ones cost less to read one chunk of. */
export const blockBytes = 256 << 10
/** Stored bytes after which a body is full. */
export const bodyBytes = 8 << 20
/** A body has room for one more block, which is at most this long. */
const spare = 1 << 20
const firstBuffer = 512 << 10

export function createPacker(level: number): Packer {
  let body = new Uint8Array(0)
  let stored = 0
  let blocks: BlockEntry[] = []
  let plain = new Uint8Array(0)
  let filled = 0
  let chunks: { readonly id: Uint8Array; readonly word: number }[] = []
  let wasRaw = false

  const closeBlock = () => {
    if (chunks.length === 0) return
    const bytes = plain.subarray(0, filled)
    const isRaw = wasRaw && !seemsCompressible(bytes)
    const block = isRaw ? ({ method: 'raw', bytes } as const) : compressBlock(bytes, level)
    wasRaw = block.method === 'raw'
    body = withRoom(body, stored, block.bytes.byteLength)
    body.set(block.bytes, stored)
    blocks.push({ method: block.method, stored: block.bytes.byteLength, plain: filled, chunks: encodeChunks(chunks) })
    stored += block.bytes.byteLength
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
    take(buffer) {
      closeBlock()
      const taken = blocks.length === 0 ? undefined : { bytes: body.subarray(0, stored), blocks }
      body = new Uint8Array(buffer ?? new ArrayBuffer(0))
      stored = 0
      blocks = []
      return taken
    },
  }
}

/** The same bytes with room for more: doubled, up to what the fullest body needs. */
function withRoom(bytes: Uint8Array<ArrayBuffer>, used: number, more: number): Uint8Array<ArrayBuffer> {
  if (used + more <= bytes.byteLength) return bytes
  const wider = new Uint8Array(Math.max(used + more, Math.min(Math.max(firstBuffer, bytes.byteLength * 2), bodyBytes + spare)))
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
