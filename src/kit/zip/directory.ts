import { type Entry, fromRandomAccessReaderPromise, getFileNameLowLevel, RandomAccessReader, type ZipFile } from 'yauzl'
import { Fault, isFault } from '../fault.ts'
import type { Parts } from './parts.ts'

/** What the end of a zip says. */
export interface Directory {
  readonly entries: readonly Entry[]
  /** Bytes before it. */
  readonly start: number
  /** Where the content of an entry begins, by its own header, which has to agree with the directory. */
  contentStart(entry: Entry): Promise<number>
}

export interface DirectoryLimits {
  readonly entries: number
  readonly bytes: number
}

/** The largest end that a zip can have without its directory is 65,577 bytes: the record, its 64-bit locator, and a comment. */
const tailBytes = 66 << 10

/** Asks for the last 66 KiB, in one request, and once more where the directory begins before them. */
export async function readDirectory(parts: Parts, limits: DirectoryLimits, signal: AbortSignal | undefined): Promise<Directory> {
  const { size } = parts
  if (size === 0) throw new Fault('corrupt', 'it is empty')
  await parts.fetch(Math.max(0, size - tailBytes), size, signal)
  const zip = await judged(() => fromRandomAccessReaderPromise(createReader(parts), size, { autoClose: false, strictFileNames: true }))
  // The offset of the directory, whatever its type says.
  const start = Number(zip.readEntryCursor)
  if (start > size) throw new Fault('corrupt', 'the zip says that its directory lies outside of it')
  if (size - start > limits.bytes) throw new Fault('corrupt', `the directory of the zip is larger than the limit of ${limits.bytes} bytes`)
  if (zip.entryCount > limits.entries)
    throw new Fault('corrupt', `the zip has ${zip.entryCount} entries, more than the limit of ${limits.entries}`)
  await parts.fetch(start, size, signal)
  return { entries: await readEntries(parts, zip, start), start, contentStart: (entry) => readContentStart(zip, entry) }
}

async function readEntries(parts: Parts, zip: ZipFile, start: number): Promise<Entry[]> {
  const found: Entry[] = []
  const entries = zip.eachEntry()
  for (let next = await judged(() => entries.next()); next.done !== true; next = await judged(() => entries.next())) {
    const { fileName } = next.value
    // Some programs end a name there.
    if (fileName.includes('\0')) throw new Fault('corrupt', `programs would read the name ${quoted(fileName)} in different ways`)
    found.push(next.value)
  }
  await checkEnd(parts, zip, start)
  return found
}

/** The name without Info-ZIP's extra field (0x7075), which some programs read and others do not. */
export function plainName({ fileName, fileNameRaw, generalPurposeBitFlag: flags, extraFields }: Entry): string {
  return extraFields.length === 0 ? fileName : getFileNameLowLevel(flags, fileNameRaw, [], true)
}

/**
 * Some programs find the directory by its offset and count of entries, others by its size and its end: nothing may stand between
 * or behind the entries, and the size must be theirs, or they would read two different directories. APPNOTE.TXT 4.3.14, 4.3.16.
 */
async function checkEnd(parts: Parts, zip: ZipFile, start: number): Promise<void> {
  const end = Number(zip.readEntryCursor)
  const { size } = parts
  // The library decodes each byte to a character.
  const last = size - 22 - zip.comment.length
  const isWide = end < last
  const record = await parts.read(end, Math.min(size, end + (isWide ? 56 : 22)))
  const isRight = isWide
    ? end + 56 + 20 === last && record.readUInt32LE(0) === 0x06064b50 && record.readBigUInt64LE(40) === BigInt(end - start)
    : end === last && record.readUInt32LE(12) === end - start
  if (!isRight) throw new Fault('corrupt', 'the zip says another size or number of its entries than it has')
}

/** Some programs read the directory, some the headers of entries: both must find the same. */
async function readContentStart(zip: ZipFile, entry: Entry): Promise<number> {
  const local = await judged(() => zip.readLocalFileHeaderPromise(entry, { minimal: false }))
  const isSame =
    local.fileName.equals(entry.fileNameRaw) &&
    local.compressionMethod === entry.compressionMethod &&
    (local.generalPurposeBitFlag & 1) === (entry.generalPurposeBitFlag & 1)
  if (!isSame) throw new Fault('corrupt', `${quoted(entry.fileName)} has a header that says other things than the directory of the zip`)
  return local.fileDataStart
}

/** The library says what is wrong with a zip as a plain error; faults are the source's, and other errors would be ours. */
async function judged<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    if (isFault(error) || !(error instanceof Error) || error.constructor !== Error) throw error
    // It may have the name of an entry in it.
    throw new Fault('corrupt', `it is no zip, or damaged: ${quoted(error.message).slice(1, -1)}`)
  }
}

/** A text from within a zip, for a message: short, and harmless to a terminal. */
export function quoted(text: string): string {
  return JSON.stringify(text.length <= 100 ? text : `${text.slice(0, 97)}...`)
}

/** The library's way to the bytes. What is here is given at once: a directory has thousands of entries. */
function createReader(parts: Parts): RandomAccessReader {
  return new (class extends RandomAccessReader {
    override read(buffer: Buffer, offset: number, length: number, position: number, done: (error: Error | null) => void): void {
      const end = position + length
      if (!Number.isSafeInteger(position) || end > parts.size) {
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
