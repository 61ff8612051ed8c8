import { crc32 } from 'node:zlib'
import type { Digest } from '../../kit/index.ts'
import type { FileMark } from '../../kit/sys/index.ts'
import { binaryReader, binaryWriter } from '../tree/binary.ts'
import type { ByteText } from '../tree/name.ts'

/** An entry as it was last seen. */
export interface KnownEntry {
  readonly name: ByteText
  readonly mark: FileMark
  /** False where it may have changed again right after it was seen, within one tick of the file system's clock. */
  readonly isTrusted: boolean
  /** The encoded entry of the tree node. */
  readonly bytes: Uint8Array
  /** Of a directory: where its own record lies in the index. */
  readonly child: number | undefined
}

export interface KnownDirectory {
  /** Where this record lies. */
  readonly at: number
  readonly node: Digest
  /** Whether that node, and all below it, is in the store; else only what the entries name is. */
  readonly isStored: boolean
  readonly entries: readonly KnownEntry[]
}

export const headBytes = 8
/** Bytes of one directory's record: more is damage. */
const maxRecordBytes = 2 ** 31

/** A record: checksum and length of what follows, the node, the entries. */
export function encodeRecord(directory: Omit<KnownDirectory, 'at'>): Uint8Array {
  const writer = binaryWriter()
  writer.digest(directory.node)
  writer.byte(directory.isStored ? 1 : 0)
  writer.varint(directory.entries.length)
  const marks = Buffer.alloc(24)
  for (const { name, mark, isTrusted, bytes, child } of directory.entries) {
    writer.text(name)
    writer.byte(isTrusted ? 1 : 0)
    writer.varint(mark.size)
    marks.writeBigInt64LE(mark.mtimeNs, 0)
    marks.writeBigInt64LE(mark.ctimeNs, 8)
    marks.writeBigUInt64LE(mark.ino, 16)
    writer.raw(marks)
    writer.varint(child === undefined ? 0 : child + 1)
    writer.bytes(bytes)
  }
  const body = writer.take()
  const record = Buffer.alloc(headBytes + body.byteLength)
  record.writeUInt32LE(crc32(body), 0)
  record.writeUInt32LE(body.byteLength, 4)
  record.set(body, headBytes)
  return record
}

/** The length of the record that begins so, or undefined where that cannot be one. */
export function recordLength(head: Buffer): number | undefined {
  const length = head.readUInt32LE(4)
  return length < 34 || length > maxRecordBytes ? undefined : headBytes + length
}

/** Undefined where it is damaged. */
export function decodeRecord(record: Buffer, at: number): KnownDirectory | undefined {
  const body = record.subarray(headBytes)
  if (body.byteLength !== record.readUInt32LE(4) || crc32(body) !== record.readUInt32LE(0)) return undefined
  const reader = binaryReader(body, 'the index of a tree')
  const node = reader.digest()
  const isStored = reader.byte() === 1
  const count = reader.varint()
  const entries: KnownEntry[] = []
  for (let index = 0; index < count; index++) {
    const name = reader.text('a name', 1, 255)
    const isTrusted = reader.byte() === 1
    const size = reader.varint()
    const marks = body.subarray(reader.at, reader.at + 24)
    reader.skip(24)
    const child = reader.varint()
    entries.push({
      name,
      isTrusted,
      mark: { size, mtimeNs: marks.readBigInt64LE(0), ctimeNs: marks.readBigInt64LE(8), ino: marks.readBigUInt64LE(16) },
      child: child === 0 ? undefined : child - 1,
      bytes: reader.view(),
    })
  }
  return { at, node, isStored, entries }
}
