import { type Digest, Fault, hexOf } from '../kit/index.ts'

/** `node`: a piece of a snapshot's tree, which leads to others. `chunk`: a piece of a file, which leads nowhere. */
export type ChunkKind = 'chunk' | 'node'

/** A piece of content, named by the SHA-256 of its plain bytes. */
export interface ChunkRef {
  readonly id: Digest
  /** Plain bytes. */
  readonly length: number
}

/** The chunks of one file in their order, in 36 bytes each, so that a file of 100 GB has a list of 115 MB and not of a gigabyte. */
export interface ChunkList extends Iterable<ChunkRef> {
  readonly length: number
  at(index: number): ChunkRef
  /** For each chunk 32 bytes of SHA-256 and 4 of length, least significant first. */
  readonly packed: Uint8Array
}

export const idBytes = 32
const refBytes = idBytes + 4

/** The list that such bytes are; `corrupt` where they are not a whole number of chunks. */
export function chunkListOf(packed: Uint8Array): ChunkList {
  if (packed.byteLength % refBytes !== 0) throw new Fault('corrupt', `${packed.byteLength} bytes are no list of chunks`)
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength)
  const at = (index: number): ChunkRef => ({
    id: digestAt(packed, index * refBytes),
    length: view.getUint32(index * refBytes + idBytes, true),
  })
  const length = packed.byteLength / refBytes
  return {
    length,
    at,
    packed,
    *[Symbol.iterator]() {
      for (let index = 0; index < length; index++) yield at(index)
    },
  }
}

/** The bytes that list these chunks, in order. */
export function packChunkRefs(refs: readonly ChunkRef[]): Uint8Array {
  const packed = Buffer.alloc(refs.length * refBytes)
  refs.forEach(({ id, length }, index) => {
    packed.write(hexOf(id), index * refBytes, 'hex')
    packed.writeUInt32LE(length, index * refBytes + idBytes)
  })
  return packed
}

export function digestAt(bytes: Uint8Array, offset: number): Digest {
  return `sha256:${Buffer.from(bytes.buffer, bytes.byteOffset + offset, idBytes).toString('hex')}`
}

export function idOf(digest: Digest): Uint8Array {
  return Buffer.from(hexOf(digest), 'hex')
}
