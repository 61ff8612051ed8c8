import { isUtf8 } from 'node:buffer'
import type { Entry } from '../tree/entry.ts'
import type { ByteText } from '../tree/name.ts'

/** The records of APPNOTE.TXT 6.3.10 (PKWARE), which the section numbers refer to, with the extra fields of Info-ZIP. */
export interface ZipFile {
  /** Bytes as they are; directories end in a slash. */
  readonly name: ByteText
  readonly kind: 'file' | 'directory' | 'symlink'
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly mtimeNs: bigint
  /** Plain bytes. */
  readonly size: number
  /** Its sizes and checksum are told after it, since they are not known before. */
  readonly isStreamed: boolean
}

export interface ZipBody {
  readonly crc: number
  readonly stored: number
  readonly method: 'stored' | 'deflated'
}

const max32 = 0xffff_ffff
const max16 = 0xffff
/** From here on a file's record has room for sizes of 64 bits: deflate may make a file a little longer. */
const wideBytes = 0xf000_0000
const typeBits = { file: 0o100000, directory: 0o040000, symlink: 0o120000 }

/** 4.3.7 */
export function localHeader(file: ZipFile, body: ZipBody): Buffer {
  const wide = isWide(file) ? wideField(file.isStreamed ? [0, 0] : [file.size, body.stored]) : Buffer.alloc(0)
  const extra = Buffer.concat([wide, ...commonExtra(file)])
  const head = Buffer.alloc(30)
  head.writeUInt32LE(0x04034b50, 0)
  writeCommon(head, 4, file, body)
  if (!file.isStreamed) {
    head.writeUInt32LE(body.crc, 14)
    head.writeUInt32LE(isWide(file) ? max32 : body.stored, 18)
    head.writeUInt32LE(isWide(file) ? max32 : file.size, 22)
  } else if (isWide(file)) head.fill(0xff, 18, 26)
  head.writeUInt16LE(file.name.length, 26)
  head.writeUInt16LE(extra.byteLength, 28)
  return Buffer.concat([head, Buffer.from(file.name, 'latin1'), extra])
}

/** 4.3.9 */
export function dataDescriptor(file: ZipFile, { crc, stored }: ZipBody): Buffer {
  const descriptor = Buffer.alloc(isWide(file) ? 24 : 16)
  descriptor.writeUInt32LE(0x08074b50, 0)
  descriptor.writeUInt32LE(crc, 4)
  if (isWide(file)) {
    writeUInt64(descriptor, 8, stored)
    writeUInt64(descriptor, 16, file.size)
  } else {
    descriptor.writeUInt32LE(stored, 8)
    descriptor.writeUInt32LE(file.size, 12)
  }
  return descriptor
}

/** 4.3.12: the file's entry in the directory at the end. `offset` is where its local header is. */
export function centralHeader(file: ZipFile, body: ZipBody, offset: number): Buffer {
  const numbers = [...(isWide(file) ? [file.size, body.stored] : []), ...(offset >= max32 ? [offset] : [])]
  const extra = Buffer.concat([...(numbers.length === 0 ? [] : [wideField(numbers)]), ...commonExtra(file)])
  const head = Buffer.alloc(46)
  head.writeUInt32LE(0x02014b50, 0)
  // Made by Unix, which is what gives the high half of the attributes its meaning.
  head.writeUInt16LE((3 << 8) | 63, 4)
  writeCommon(head, 6, file, body)
  if (numbers.length > 0) head.writeUInt16LE(45, 6)
  head.writeUInt32LE(body.crc, 16)
  head.writeUInt32LE(isWide(file) ? max32 : body.stored, 20)
  head.writeUInt32LE(isWide(file) ? max32 : file.size, 24)
  head.writeUInt16LE(file.name.length, 28)
  head.writeUInt16LE(extra.byteLength, 30)
  head.writeUInt32LE(((typeBits[file.kind] | file.mode) * 0x10000 + (file.kind === 'directory' ? 0x10 : 0)) >>> 0, 38)
  head.writeUInt32LE(Math.min(offset, max32), 42)
  return Buffer.concat([head, Buffer.from(file.name, 'latin1'), extra])
}

/** 4.3.14 to 4.3.16: where the directory is, in 64 bits too where 32 do not do. */
export function endOfDirectory(count: number, offset: number, size: number): Buffer {
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(Math.min(count, max16), 8)
  end.writeUInt16LE(Math.min(count, max16), 10)
  end.writeUInt32LE(Math.min(size, max32), 12)
  end.writeUInt32LE(Math.min(offset, max32), 16)
  if (count < max16 && size < max32 && offset < max32) return end

  const wide = Buffer.alloc(56 + 20)
  wide.writeUInt32LE(0x06064b50, 0)
  writeUInt64(wide, 4, 44)
  wide.writeUInt16LE((3 << 8) | 63, 12)
  wide.writeUInt16LE(45, 14)
  writeUInt64(wide, 24, count)
  writeUInt64(wide, 32, count)
  writeUInt64(wide, 40, size)
  writeUInt64(wide, 48, offset)
  wide.writeUInt32LE(0x07064b50, 56)
  writeUInt64(wide, 64, offset + size)
  wide.writeUInt32LE(1, 72)
  return Buffer.concat([wide, end])
}

/** Seconds that the extended timestamp can hold. */
export function hasZipTime({ mtimeNs }: Pick<Entry, 'mtimeNs'>): boolean {
  const seconds = secondsOf(mtimeNs)
  return seconds >= -0x8000_0000 && seconds <= 0x7fff_ffff
}

/** From "version needed" to the date, which local and central headers share. */
function writeCommon(head: Buffer, at: number, file: ZipFile, { method }: ZipBody): void {
  head.writeUInt16LE(isWide(file) ? 45 : 20, at)
  head.writeUInt16LE((file.isStreamed ? 0x8 : 0) | (isNamedInUtf8(file.name) ? 0x800 : 0), at + 2)
  head.writeUInt16LE(method === 'deflated' ? 8 : 0, at + 4)
  const { time, date } = dosTime(file.mtimeNs)
  head.writeUInt16LE(time, at + 6)
  head.writeUInt16LE(date, at + 8)
}

/** Names that are no UTF-8 are left as they are, without the flag that would say so (appendix D). */
function isNamedInUtf8(name: ByteText): boolean {
  return /[^\0-\x7f]/.test(name) && isUtf8(Buffer.from(name, 'latin1'))
}

function isWide({ size }: ZipFile): boolean {
  return size >= wideBytes
}

/** 4.5.3 */
function wideField(numbers: readonly number[]): Buffer {
  const field = Buffer.alloc(4 + numbers.length * 8)
  field.writeUInt16LE(0x0001, 0)
  field.writeUInt16LE(numbers.length * 8, 2)
  numbers.forEach((number, index) => writeUInt64(field, 4 + index * 8, number))
  return field
}

/** Info-ZIP's extended timestamp ("UT") and owner ("ux"). */
function commonExtra({ mtimeNs, uid, gid }: ZipFile): Buffer[] {
  const owner = Buffer.alloc(15)
  owner.writeUInt16LE(0x7875, 0)
  owner.writeUInt16LE(11, 2)
  owner[4] = 1
  owner[5] = 4
  owner.writeUInt32LE(uid, 6)
  owner[10] = 4
  owner.writeUInt32LE(gid, 11)
  if (!hasZipTime({ mtimeNs })) return [owner]
  const time = Buffer.alloc(9)
  time.writeUInt16LE(0x5455, 0)
  time.writeUInt16LE(5, 2)
  time[4] = 1
  time.writeInt32LE(secondsOf(mtimeNs), 5)
  return [time, owner]
}

function secondsOf(mtimeNs: bigint): number {
  return Math.floor(Number(mtimeNs / 1_000_000n) / 1000)
}

/** In UTC, so that it does not depend on where it is made; the nearest that there is for years before 1980 and after 2107. */
function dosTime(mtimeNs: bigint): { time: number; date: number } {
  const earliest = Date.UTC(1980, 0, 1)
  const latest = Date.UTC(2107, 11, 31, 23, 59, 58)
  const at = new Date(Math.min(latest, Math.max(earliest, Number(mtimeNs / 1_000_000n))))
  return {
    time: (at.getUTCHours() << 11) | (at.getUTCMinutes() << 5) | (at.getUTCSeconds() >> 1),
    date: ((at.getUTCFullYear() - 1980) << 9) | ((at.getUTCMonth() + 1) << 5) | at.getUTCDate(),
  }
}

function writeUInt64(buffer: Buffer, at: number, value: number): void {
  buffer.writeBigUInt64LE(BigInt(value), at)
}
