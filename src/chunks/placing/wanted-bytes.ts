import { type Digest, hexOf } from '../../kit/index.ts'
import { idBytes } from '../chunk.ts'

/** Chunks and where they go, as they travel to a thread: 56 bytes each. */
export interface WantedBytes {
  readonly count: number
  /** Where the id of one begins in `bytes`. */
  idAt(index: number): number
  /** Where it begins in its block; nothing is meant by it for chunks that are only compared. */
  start(index: number): number
  length(index: number): number
  fd(index: number): number
  /** In the file. */
  offset(index: number): number
  onlyDifferences(index: number): boolean
  readonly bytes: Uint8Array<ArrayBuffer>
}

export interface WantedChunk {
  readonly id: Digest
  readonly start: number
  readonly length: number
  readonly fd: number
  readonly offset: number
  readonly onlyDifferences: boolean
}

const entryBytes = idBytes + 24

export function packWanted<T>(items: readonly T[], describe: (item: T) => WantedChunk): Uint8Array<ArrayBuffer> {
  const bytes = Buffer.from(new ArrayBuffer(items.length * entryBytes))
  let at = 0
  for (const item of items) {
    const { id, start, length, fd, offset, onlyDifferences } = describe(item)
    bytes.write(hexOf(id), at, 'hex')
    bytes.writeUInt32LE(start, at + idBytes)
    bytes.writeUInt32LE(length, at + idBytes + 4)
    bytes.writeUInt32LE(fd, at + idBytes + 8)
    bytes.writeUInt32LE(onlyDifferences ? 1 : 0, at + idBytes + 12)
    bytes.writeDoubleLE(offset, at + idBytes + 16)
    at += entryBytes
  }
  return bytes
}

export function wantedOf(bytes: Uint8Array<ArrayBuffer>): WantedBytes {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const number = (index: number, at: number) => view.getUint32(index * entryBytes + idBytes + at, true)
  return {
    bytes,
    count: bytes.byteLength / entryBytes,
    idAt: (index) => index * entryBytes,
    start: (index) => number(index, 0),
    length: (index) => number(index, 4),
    fd: (index) => number(index, 8),
    onlyDifferences: (index) => number(index, 12) === 1,
    offset: (index) => view.getFloat64(index * entryBytes + idBytes + 16, true),
  }
}
