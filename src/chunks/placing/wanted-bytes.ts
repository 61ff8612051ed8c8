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
  readonly id: Uint8Array
  readonly start: number
  readonly length: number
  readonly fd: number
  readonly offset: number
  readonly onlyDifferences: boolean
}

const entryBytes = idBytes + 24

export function packWanted(chunks: readonly WantedChunk[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(chunks.length * entryBytes)
  const view = new DataView(bytes.buffer)
  chunks.forEach(({ id, start, length, fd, offset, onlyDifferences }, index) => {
    const at = index * entryBytes
    bytes.set(id, at)
    view.setUint32(at + idBytes, start, true)
    view.setUint32(at + idBytes + 4, length, true)
    view.setUint32(at + idBytes + 8, fd, true)
    view.setUint32(at + idBytes + 12, onlyDifferences ? 1 : 0, true)
    view.setFloat64(at + idBytes + 16, offset, true)
  })
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
