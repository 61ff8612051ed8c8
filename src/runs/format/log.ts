import { type Digest, digestOf, Fault, hexOf } from '../../kit/index.ts'
import { fromFrame, toFrame } from './frame.ts'
import { maxPageBytes } from './limits.ts'

/** What a page is; its number in the log is its place here, from 1. */
export const pageKinds = ['run', 'shard', 'project', 'table', 'active', 'packs'] as const
export type PageKind = (typeof pageKinds)[number]

/** One page as it lies in the log. */
export interface LogRecord {
  readonly kind: PageKind
  /** Of the page's plain bytes. */
  readonly digest: Digest
  /** The page as one zstd frame; a view of what was read. */
  readonly frame: Uint8Array
  /** Where the record begins in the log. */
  readonly offset: number
  /** Bytes of the record, its head included. */
  readonly length: number
}

/** Length of the frame, kind, digest. */
export const recordHeadBytes = 37

/** A record for the log. The bytes are new memory. */
export function encodeRecord(kind: PageKind, plain: Uint8Array, digest: Digest = digestOf(plain)): Uint8Array {
  if (plain.byteLength > maxPageBytes)
    throw new Fault('unsupported', `a page of ${plain.byteLength} bytes is larger than the limit of ${maxPageBytes}`)
  const frame = toFrame(plain)
  const record = Buffer.allocUnsafe(recordHeadBytes + frame.byteLength)
  record.writeUInt32LE(frame.byteLength, 0)
  record.writeUInt8(pageKinds.indexOf(kind) + 1, 4)
  record.write(hexOf(digest), 5, 'hex')
  record.set(frame, recordHeadBytes)
  return record
}

/** Reads records from pieces of a log as they come. */
export interface LogReader {
  /** The records that end within this piece. Their frames may be views of it. */
  push(piece: Uint8Array): LogRecord[]
  /** Throws `corrupt` where the log ends within a record. */
  end(): void
  /** Where the last whole record ends. */
  readonly position: number
}

/** A reader that begins at `offset`, which must be the beginning of a record. */
export function createLogReader(at: string, offset = 0): LogReader {
  const held: Uint8Array[] = []
  let heldBytes = 0
  let needed = recordHeadBytes
  let position = offset
  return {
    get position() {
      return position
    },
    push(piece) {
      held.push(piece)
      heldBytes += piece.byteLength
      if (heldBytes < needed) return []
      const bytes = held.length === 1 ? piece : Buffer.concat(held)
      const records: LogRecord[] = []
      let start = 0
      for (;;) {
        const next = recordAt(bytes.subarray(start), position, at)
        if (typeof next === 'number') {
          needed = next
          break
        }
        records.push(next)
        start += next.length
        position += next.length
      }
      held.splice(0, held.length, bytes.subarray(start))
      heldBytes = bytes.byteLength - start
      return records
    },
    end() {
      if (heldBytes > 0) throw new Fault('corrupt', `the log of pages ends within a record, at ${position}`, { at })
    },
  }
}

/** The record that the bytes begin with; or how many bytes it takes to tell, where it is not all there yet. */
function recordAt(bytes: Uint8Array, offset: number, at: string): LogRecord | number {
  if (bytes.byteLength < recordHeadBytes) return recordHeadBytes
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, recordHeadBytes)
  const size = view.readUInt32LE(0)
  const kind = pageKinds[view.readUInt8(4) - 1]
  if (kind === undefined || size === 0 || size > maxPageBytes + 1024) {
    throw new Fault('corrupt', `the log of pages has no record at ${offset}`, { at })
  }
  const length = recordHeadBytes + size
  if (bytes.byteLength < length) return length
  return {
    kind,
    digest: `sha256:${view.toString('hex', 5, recordHeadBytes)}`,
    frame: bytes.subarray(recordHeadBytes, length),
    offset,
    length,
  }
}

/** The plain bytes of a page, checked against their digest; no more than the limit is ever made. */
export function openPage({ digest, frame }: Pick<LogRecord, 'digest' | 'frame'>, at: string): Uint8Array {
  const plain = fromFrame(frame, maxPageBytes, `the page ${digest}`, at)
  const actual = digestOf(plain)
  if (actual !== digest) throw new Fault('corrupt', `the page should be ${digest} and is ${actual}`, { at })
  return plain
}
