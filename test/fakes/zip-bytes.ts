import { crc32, deflateRawSync } from 'node:zlib'

/** A member of a zip as a test wants it; what it says of itself may be untrue. */
export interface ZipMember {
  readonly name: string
  readonly content: Uint8Array
  readonly isStored?: boolean | undefined
  /** What the directory says instead of the truth. */
  readonly says?:
    | {
        readonly size?: number
        readonly stored?: number
        readonly crc?: number
        readonly method?: number
        readonly offset?: number
      }
    | undefined
  /** Bits of the general purpose flag: 0x1 encrypted, 0x40 strongly. */
  readonly flags?: number | undefined
  /** Where sizes and checksum are told after the content, as writers of streams do. */
  readonly isStreamed?: boolean | undefined
}

export interface ZipShape {
  /** Sizes, offsets and the directory's place in 64 bits, though 32 would do. */
  readonly zip64?: boolean | undefined
  readonly comment?: Uint8Array | undefined
  /** What the end record says instead of the truth. */
  readonly says?: { readonly count?: number; readonly size?: number; readonly offset?: number }
}

const max32 = 0xffff_ffff

/** A zip as APPNOTE.TXT describes it: members in the order given, with the time 1980-01-01, so that the same input gives the same bytes. */
export function zipBytes(members: readonly ZipMember[], shape: ZipShape = {}): Buffer {
  const pieces: Buffer[] = []
  const directory: Buffer[] = []
  let offset = 0
  for (const member of members) {
    const { name, content, isStored = false, isStreamed = false } = member
    const bytes = Buffer.from(name)
    const stored = isStored ? Buffer.from(content.buffer, content.byteOffset, content.byteLength) : deflateRawSync(content)
    const facts = {
      method: isStored ? 0 : 8,
      flags: (member.flags ?? 0) | (isStreamed ? 0x8 : 0) | (/[^\0-\x7f]/.test(name) ? 0x800 : 0),
      crc: crc32(content),
      stored: stored.byteLength,
      size: content.byteLength,
      offset,
      ...member.says,
    }
    const local = [localHeader(bytes, facts, isStreamed, shape.zip64 === true), stored, ...(isStreamed ? [descriptor(facts)] : [])]
    pieces.push(...local)
    directory.push(centralHeader(bytes, facts, shape.zip64 === true))
    offset += local.reduce((sum, piece) => sum + piece.byteLength, 0)
  }
  const size = directory.reduce((sum, piece) => sum + piece.byteLength, 0)
  const end = { count: members.length, size, offset, ...shape.says }
  return Buffer.concat([...pieces, ...directory, endRecords(end, offset + size, shape)])
}

interface Facts {
  readonly method: number
  readonly flags: number
  readonly crc: number
  readonly stored: number
  readonly size: number
  readonly offset: number
}

function localHeader(name: Buffer, facts: Facts, isStreamed: boolean, isWide: boolean): Buffer {
  const extra = isWide && !isStreamed ? wideField([facts.size, facts.stored]) : Buffer.alloc(0)
  const head = Buffer.alloc(30)
  head.writeUInt32LE(0x04034b50, 0)
  writeShared(head, 4, facts, isWide)
  if (!isStreamed) {
    head.writeUInt32LE(facts.crc, 14)
    head.writeUInt32LE(isWide ? max32 : facts.stored, 18)
    head.writeUInt32LE(isWide ? max32 : facts.size, 22)
  }
  head.writeUInt16LE(name.byteLength, 26)
  head.writeUInt16LE(extra.byteLength, 28)
  return Buffer.concat([head, name, extra])
}

function centralHeader(name: Buffer, facts: Facts, isWide: boolean): Buffer {
  const extra = isWide ? wideField([facts.size, facts.stored, facts.offset]) : Buffer.alloc(0)
  const head = Buffer.alloc(46)
  head.writeUInt32LE(0x02014b50, 0)
  head.writeUInt16LE((3 << 8) | 45, 4)
  writeShared(head, 6, facts, isWide)
  head.writeUInt32LE(facts.crc, 16)
  head.writeUInt32LE(isWide ? max32 : facts.stored, 20)
  head.writeUInt32LE(isWide ? max32 : facts.size, 24)
  head.writeUInt16LE(name.byteLength, 28)
  head.writeUInt16LE(extra.byteLength, 30)
  head.writeUInt32LE((0o100644 * 0x10000) >>> 0, 38)
  head.writeUInt32LE(isWide ? max32 : facts.offset, 42)
  return Buffer.concat([head, name, extra])
}

/** From "version needed" to the date. */
function writeShared(head: Buffer, at: number, { flags, method }: Facts, isWide: boolean): void {
  head.writeUInt16LE(isWide ? 45 : 20, at)
  head.writeUInt16LE(flags, at + 2)
  head.writeUInt16LE(method, at + 4)
  head.writeUInt16LE(0, at + 6)
  head.writeUInt16LE((1 << 5) | 1, at + 8)
}

function descriptor({ crc, stored, size }: Facts): Buffer {
  const bytes = Buffer.alloc(16)
  bytes.writeUInt32LE(0x08074b50, 0)
  bytes.writeUInt32LE(crc, 4)
  bytes.writeUInt32LE(stored, 8)
  bytes.writeUInt32LE(size, 12)
  return bytes
}

function endRecords(end: { count: number; size: number; offset: number }, wideAt: number, { zip64 = false, comment }: ZipShape): Buffer {
  const note = comment ?? new Uint8Array()
  const last = Buffer.alloc(22)
  last.writeUInt32LE(0x06054b50, 0)
  last.writeUInt16LE(zip64 ? 0xffff : end.count, 8)
  last.writeUInt16LE(zip64 ? 0xffff : end.count, 10)
  last.writeUInt32LE(zip64 ? max32 : end.size, 12)
  last.writeUInt32LE(zip64 ? max32 : end.offset, 16)
  last.writeUInt16LE(note.byteLength, 20)
  if (!zip64) return Buffer.concat([last, note])
  const wide = Buffer.alloc(56 + 20)
  wide.writeUInt32LE(0x06064b50, 0)
  writeUInt64(wide, 4, 44)
  wide.writeUInt16LE(45, 12)
  wide.writeUInt16LE(45, 14)
  writeUInt64(wide, 24, end.count)
  writeUInt64(wide, 32, end.count)
  writeUInt64(wide, 40, end.size)
  writeUInt64(wide, 48, end.offset)
  wide.writeUInt32LE(0x07064b50, 56)
  writeUInt64(wide, 64, wideAt)
  wide.writeUInt32LE(1, 72)
  return Buffer.concat([wide, last, note])
}

function wideField(numbers: readonly number[]): Buffer {
  const field = Buffer.alloc(4 + numbers.length * 8)
  field.writeUInt16LE(0x0001, 0)
  field.writeUInt16LE(numbers.length * 8, 2)
  numbers.forEach((number, index) => writeUInt64(field, 4 + index * 8, number))
  return field
}

function writeUInt64(buffer: Buffer, at: number, value: number): void {
  buffer.writeBigUInt64LE(BigInt(value), at)
}
