import type { Entry } from 'yauzl'
import { type Bytes, bytesFrom } from '../bytes.ts'
import { Fault, isFault } from '../fault.ts'
import { checkedContent, contentBytes, refuse } from './content.ts'
import { type Directory, plainName, readDirectory } from './directory.ts'
import { createParts, type Parts } from './parts.ts'
import type { RangedSource } from './ranged-source.ts'
import { type Ahead, readAhead } from './read-ahead.ts'

/** What a zip says that it holds, and its entries' bytes. */
export interface Zip {
  /** In the order of its directory. No name leads out of a folder. */
  readonly entries: readonly ZipEntry[]
  /** A small entry's bytes, up to `limit`, mostly by one request, and none where the end of the zip has them. */
  read(entry: ZipEntry, limit: number, o?: { readonly signal?: AbortSignal | undefined }): Promise<Uint8Array>
  /** An entry's bytes as they come. Each reading of them asks anew. */
  open(entry: ZipEntry, o?: OpenEntryOptions): Promise<Bytes>
}

export interface ZipEntry {
  /** With slashes; that of a folder ends with one. */
  readonly name: string
  /** Its name for programs that do not know Info-ZIP's field for names. */
  readonly plainName: string
  readonly size: number
  /** Bytes in the zip. */
  readonly packedSize: number
}

export interface OpenEntryOptions extends Partial<Ahead> {
  readonly signal?: AbortSignal | undefined
  /** Is shown the bytes as they lie in the zip, from the place `start` on, before what they inflate to is given. */
  readonly onPacked?: ((start: number, piece: Uint8Array) => Promise<void>) | undefined
}

/** What a zip may be; past one of them it is `corrupt`. */
export interface ZipLimits {
  readonly entries: number
  readonly directoryBytes: number
}

const defaultLimits: ZipLimits = { entries: 100_000, directoryBytes: 16 << 20 }
/** More than an entry's own header may have in extra fields than the directory has: what is beyond costs a request. */
const spareBytes = 256
/** As a block of DEFLATE compresses at most (RFC 1951): a directory that says more of an entry lies. */
const largestRatio = 1032

/**
 * Reads the directory, by one request for the last 66 KiB, or one more where it is longer; the whole of a small zip is kept. Faults of the
 * source are thrown as they are; `corrupt` with the source's name is what is wrong with the zip.
 */
export async function openZip(
  source: RangedSource,
  { signal, ...limits }: Partial<ZipLimits> & { readonly signal?: AbortSignal | undefined } = {},
): Promise<Zip> {
  const { entries: most, directoryBytes } = { ...defaultLimits, ...limits }
  const parts = createParts(source)
  return await placed(source, async () => {
    const directory = await readDirectory(parts, { entries: most, bytes: directoryBytes }, signal)
    const known = new Map(directory.entries.map((entry) => [describe(entry), entry]))
    const borders = [...new Set([...directory.entries.map(offsetOf), directory.start])].toSorted((a, b) => a - b)
    const knownEntry = (entry: ZipEntry): Known => {
      const found = known.get(entry)
      if (found === undefined) throw new Fault('bug', `an entry of another zip was asked for: ${entry.name}`)
      return { parts, directory, borders, entry: found }
    }
    return {
      entries: [...known.keys()],
      read: (entry, limit, o) => placed(source, () => readEntry(knownEntry(entry), limit, o?.signal)),
      open: (entry, o) => placed(source, () => openEntry(source, knownEntry(entry), o ?? {})),
    }
  })
}

function describe(entry: Entry): ZipEntry {
  return { name: entry.fileName, plainName: plainName(entry), size: entry.uncompressedSize, packedSize: entry.compressedSize }
}

function offsetOf(entry: Entry): number {
  return entry.relativeOffsetOfLocalHeader
}

interface Known {
  readonly parts: Parts
  readonly directory: Directory
  /** Where entries and the directory begin, in order. */
  readonly borders: readonly number[]
  readonly entry: Entry
}

async function readEntry(known: Known, limit: number, signal: AbortSignal | undefined): Promise<Uint8Array> {
  const { parts, entry } = known
  const { compressedSize, uncompressedSize } = entry
  // Packed bytes that do not compress are a little more than plain.
  if (uncompressedSize > limit || compressedSize > limit + 4096) throw refuse(entry, `is larger than its limit of ${limit} bytes`)
  checkReadable(known)
  const start = await locate(known, compressedSize, signal)
  return contentBytes(entry, await parts.read(start, start + compressedSize, signal))
}

async function openEntry(source: RangedSource, known: Known, options: OpenEntryOptions): Promise<Bytes> {
  const { entry } = known
  const { compressedSize, uncompressedSize } = entry
  checkReadable(known)
  const start = await locate(known, 0, options.signal)
  const range = { ...options, start, end: start + compressedSize }
  const read = async function* () {
    try {
      const packed = readAhead(source, range)
      yield* checkedContent(entry, options.onPacked === undefined ? packed : shown(packed, start, options.onPacked))
    } catch (error) {
      throw inPlace(source, error)
    }
  }
  return bytesFrom(read, uncompressedSize)
}

async function* shown(
  packed: AsyncIterable<Uint8Array>,
  start: number,
  look: (start: number, piece: Uint8Array) => Promise<void>,
): AsyncGenerator<Uint8Array> {
  let at = start
  for await (const piece of packed) {
    await look(at, piece)
    at += piece.byteLength
    yield piece
  }
}

function checkReadable({ entry, directory }: Known): void {
  const { compressedSize, uncompressedSize, compressionMethod } = entry
  if (entry.isEncrypted()) throw refuse(entry, 'is encrypted')
  if (!entry.canDecodeFileData()) throw refuse(entry, `is packed by the method ${compressionMethod}: only DEFLATE is known here`)
  if (offsetOf(entry) >= directory.start) throw refuse(entry, 'lies outside of the zip')
  if (compressionMethod !== 0 && uncompressedSize > compressedSize * largestRatio + 64)
    throw refuse(entry, `cannot inflate to ${uncompressedSize} bytes, as the zip says`)
}

/** Where its content begins, asked for with `more` bytes of it; which ends before anything else begins, or small zips could say to be huge. */
async function locate({ parts, directory, borders, entry }: Known, more: number, signal: AbortSignal | undefined): Promise<number> {
  const offset = offsetOf(entry)
  const header = 30 + entry.fileNameLength + entry.extraFieldLength + spareBytes
  await parts.fetch(offset, Math.min(parts.size, offset + header + more), signal)
  const start = await directory.contentStart(entry)
  const border = borders[firstAbove(borders, offset)] ?? parts.size
  const isAlone = directory.entries.filter((other) => offsetOf(other) === offset).length === 1
  if (!isAlone || start + entry.compressedSize > border) throw refuse(entry, 'overlaps with something else in the zip')
  return start
}

/** The place in a sorted list of the first number above another. */
function firstAbove(sorted: readonly number[], value: number): number {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (sorted[middle]! > value) high = middle
    else low = middle + 1
  }
  return low
}

async function placed<T>(source: RangedSource, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw inPlace(source, error)
  }
}

function inPlace({ name }: RangedSource, error: unknown): unknown {
  if (!isFault(error) || error.at !== undefined) return error
  return new Fault(error.code, error.message, { at: name, hint: error.hint, cause: error.cause })
}
