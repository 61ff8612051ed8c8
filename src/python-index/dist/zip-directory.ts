import { crc32, inflateRawSync } from 'node:zlib'
import { type Entry, fromRandomAccessReaderPromise, getFileNameLowLevel, RandomAccessReader, type ZipFile } from 'yauzl'
import { Fault, isFault } from '../../kit/index.ts'
import type { ObjectParts } from './object-parts.ts'
import { quoted } from './refusal.ts'

export type { Entry } from 'yauzl'

/** What a zip says that it holds, and single members of it. All that is wrong with it is `invalid`. */
export interface ZipDirectory {
  /** Once, and to the end. No name leads out of a folder; all tools find the same entries, or this throws. */
  entries(): AsyncGenerator<Entry>
  /** A member's bytes, checked against the directory's checksum; at most `limit`. */
  read(entry: Entry, limit: number): Promise<Uint8Array>
}

const maxDirectoryBytes = 16 << 20
const maxEntries = 100_000
/** More than the local header of an entry may have in extra fields than the directory has: what is beyond costs a request. */
const spareBytes = 256

/** Reads the end of the zip. The directory is asked for in one piece, where it is not in the tail that is already here. */
export async function openZip(parts: ObjectParts): Promise<ZipDirectory> {
  const { size } = parts.info
  const zip = await judged(() =>
    fromRandomAccessReaderPromise(createReader(parts, size), size, { autoClose: false, strictFileNames: true }),
  )
  // The offset of the directory, whatever its type says.
  const start = Number(zip.readEntryCursor)
  if (start > size) throw new Fault('invalid', 'the zip says that its directory lies outside of it')
  if (size - start > maxDirectoryBytes)
    throw new Fault('invalid', `the directory of the zip is larger than the limit of ${maxDirectoryBytes} bytes`)
  if (zip.entryCount > maxEntries) throw new Fault('invalid', `the zip has ${zip.entryCount} entries, more than the limit of ${maxEntries}`)
  await parts.fetch(start, size)
  return { entries: () => eachEntry(parts, zip, start), read: (entry, limit) => readEntry(parts, zip, entry, limit) }
}

async function* eachEntry(parts: ObjectParts, zip: ZipFile, start: number): AsyncGenerator<Entry> {
  const entries = zip.eachEntry()
  for (;;) {
    const next = await judged(() => entries.next())
    if (next.done === true) break
    if (isAmbiguous(next.value)) throw new Fault('invalid', `tools would read the name ${quoted(next.value.fileName)} in different ways`)
    yield next.value
  }
  await checkEnd(parts, zip, start)
}

/** Python's tools end names at a zero; and some read another name in an extra field (Info-ZIP's 0x7075) where others do not. */
function isAmbiguous({ fileName, fileNameRaw, generalPurposeBitFlag: flags, extraFields }: Entry): boolean {
  if (fileName.includes('\0')) return true
  if (extraFields.length === 0) return false
  const plain = getFileNameLowLevel(flags, fileNameRaw, [], true)
  return plain !== fileName && /\.dist-info|PKG-INFO/.test(plain + fileName)
}

/**
 * Some tools find the directory by its offset and count of entries, Python's by its size and its end: nothing may stand between
 * or behind the entries, and the size must be theirs, or they would read two different directories. APPNOTE.TXT 4.3.14, 4.3.16.
 */
async function checkEnd(parts: ObjectParts, zip: ZipFile, start: number): Promise<void> {
  const end = Number(zip.readEntryCursor)
  const { size } = parts.info
  // The library decodes each byte to a character.
  const last = size - 22 - zip.comment.length
  const wide = end < last
  const record = await parts.read(end, Math.min(size, end + (wide ? 56 : 22)))
  const isRight = wide
    ? end + 56 + 20 === last && record.readUInt32LE(0) === 0x06064b50 && record.readBigUInt64LE(40) === BigInt(end - start)
    : end === last && record.readUInt32LE(12) === end - start
  if (!isRight) throw new Fault('invalid', 'the zip says another size or number of its entries than it has')
}

async function readEntry(parts: ObjectParts, zip: ZipFile, entry: Entry, limit: number): Promise<Uint8Array> {
  const { compressedSize, uncompressedSize, relativeOffsetOfLocalHeader: offset } = entry
  const { size } = parts.info
  const refuse = (why: string) => new Fault('invalid', `${quoted(entry.fileName)} ${why}`)
  if (entry.isEncrypted()) throw refuse('is encrypted')
  if (!entry.canDecodeFileData()) throw refuse(`is packed by the method ${entry.compressionMethod}, which installers do not know`)
  // Packed bytes that do not compress are a little more than plain.
  if (uncompressedSize > limit || compressedSize > limit + 4096) throw refuse(`is larger than its limit of ${limit} bytes`)
  if (offset >= size) throw refuse('lies outside of the zip')
  await parts.fetch(offset, Math.min(size, offset + 30 + entry.fileNameLength + entry.extraFieldLength + spareBytes + compressedSize))
  const local = await judged(() => zip.readLocalFileHeaderPromise(entry, { minimal: false }))
  // Some tools read the directory, some the headers of entries: both must find the same.
  const isSame =
    local.fileName.equals(entry.fileNameRaw) &&
    local.compressionMethod === entry.compressionMethod &&
    (local.generalPurposeBitFlag & 1) === (entry.generalPurposeBitFlag & 1)
  if (!isSame) throw refuse('has a header that says other things than the directory of the zip')
  const packed = await parts.read(local.fileDataStart, local.fileDataStart + compressedSize)
  const bytes = entry.compressionMethod === 0 ? packed : inflate(packed, uncompressedSize, refuse)
  if (bytes.byteLength !== uncompressedSize) throw refuse('has not the size that the zip says')
  if (crc32(bytes) !== entry.crc32) throw refuse('is damaged: its checksum is wrong')
  return new Uint8Array(bytes)
}

function inflate(packed: Buffer, size: number, refuse: (why: string) => Fault): Buffer {
  try {
    return inflateRawSync(packed, { maxOutputLength: Math.max(1, size) })
  } catch (error) {
    if (error instanceof RangeError) throw refuse('inflates to more than the zip says')
    throw refuse('is damaged: it cannot be inflated')
  }
}

/** The library says what is wrong with a zip as a plain error; faults are the store's, and other errors would be ours. */
async function judged<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    if (isFault(error) || !(error instanceof Error) || error.constructor !== Error) throw error
    throw new Fault('invalid', `it is no zip, or damaged: ${printable(error.message)}`)
  }
}

/** What the library says may have a name of an entry in it. */
function printable(text: string): string {
  return quoted(text).slice(1, -1)
}

/** The library's way to the bytes. What is here is given at once: a directory has thousands of entries. */
function createReader(parts: ObjectParts, size: number): RandomAccessReader {
  return new (class extends RandomAccessReader {
    override read(buffer: Buffer, offset: number, length: number, position: number, done: (error: Error | null) => void): void {
      const end = position + length
      if (!Number.isSafeInteger(position) || end > size) {
        done(new Error('a part of it lies beyond its end'))
        return
      }
      const held = parts.held(position, end)
      if (held === undefined) parts.read(position, end).then(give, done)
      else give(held)

      function give(bytes: Buffer): void {
        bytes.copy(buffer, offset)
        done(null)
      }
    }
  })()
}
