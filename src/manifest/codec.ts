import { type Bytes, bytesFrom, bytesOnce, compareKeys, type Digest, Fault, hasher, isKey } from '../kit/index.ts'
import { checkEntry, type Entry, maxMode } from './entry.ts'

export const manifestFormat = 'holdfast-manifest/1'

export interface ManifestLimits {
  /** Entries in all. */
  readonly entries: number
  /** Bytes of one line, its end excepted. */
  readonly lineBytes: number
}

/** A path of 1,024 bytes whose every byte is escaped, and the other fields, fit into a line of this length. */
export const manifestLimits: ManifestLimits = { entries: 10_000_000, lineBytes: 4096 }

export interface DecodeOptions {
  /** What faults call the manifest. */
  readonly at: string
  readonly limits?: ManifestLimits
}

const header = JSON.stringify({ format: manifestFormat })
const pieceLength = 64 * 1024
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * The canonical bytes of a manifest: the same entries always give the same bytes. Entries come in byte order of their
 * paths, without duplicates; anything else throws `invalid`. Streams; rewindable unless the entries can be read once.
 */
export function encodeManifest(entries: Iterable<Entry> | AsyncIterable<Entry>): Bytes {
  const pieces = () => encodePieces(entries)
  return canBeReadAgain(entries) ? bytesFrom(pieces) : bytesOnce(pieces())
}

/** The digest of the manifest's canonical bytes. */
export async function digestOfManifest(entries: Iterable<Entry> | AsyncIterable<Entry>): Promise<Digest> {
  const state = hasher()
  for await (const piece of encodePieces(entries)) state.update(piece)
  return state.digest()
}

/**
 * Reads a manifest as it streams in. What is not the exact canonical form throws `corrupt` with the line's number; a newer
 * format is `unsupported`. A manifest cut off at the end of a line cannot be told from a shorter one: read it through
 * `verified`, by its digest.
 */
export async function* decodeManifest(bytes: AsyncIterable<Uint8Array>, options: DecodeOptions): AsyncGenerator<Entry> {
  const limits = options.limits ?? manifestLimits
  let number = 0
  let previous: string | undefined
  for await (const lines of linesOf(bytes, limits, options.at)) {
    for (const line of lines) {
      number++
      if (number === 1) {
        checkHeader(line, options.at)
        continue
      }
      if (number - 1 > limits.entries) throw corrupt(`it has more than ${limits.entries} entries`, number, options.at)
      const entry = decodeLine(line)
      if (typeof entry === 'string') throw corrupt(entry, number, options.at)
      if (previous !== undefined && compareKeys(previous, entry.path) >= 0) {
        throw corrupt(previous === entry.path ? `the path appears twice` : 'paths are not in byte order', number, options.at)
      }
      previous = entry.path
      yield entry
    }
  }
  if (number === 0) throw corrupt('it is empty', 1, options.at)
}

async function* encodePieces(entries: Iterable<Entry> | AsyncIterable<Entry>): AsyncGenerator<Uint8Array> {
  let text = `${header}\n`
  let previous: string | undefined
  for await (const entry of entries) {
    checkEntry(entry)
    if (previous !== undefined && compareKeys(previous, entry.path) >= 0) throw unordered(previous, entry.path)
    previous = entry.path
    text += `${encodeEntry(entry)}\n`
    if (text.length >= pieceLength) {
      yield Buffer.from(text)
      text = ''
    }
  }
  if (text !== '') yield Buffer.from(text)
}

/** One line without its end: keys in this order, `mode` only where it is known. */
function encodeEntry(entry: Entry): string {
  const mode = entry.mode === undefined ? '' : `,"mode":${entry.mode}`
  return `{"path":${JSON.stringify(entry.path)},"size":${entry.size},"digest":"${entry.digest}"${mode}}`
}

/** Exactly what `encodeEntry` writes for a usable path: no other keys, order, spelling or space. */
const canonicalLine =
  // oxlint-disable-next-line no-control-regex
  /^\{"path":"(?:[^"\\\u0000-\u001f]|\\["\\])+","size":(?:0|[1-9][0-9]{0,15}),"digest":"sha256:[0-9a-f]{64}"(?:,"mode":(?:0|[1-9][0-9]{0,3}))?\}$/

/** The entry of a line, or what is wrong with it. */
function decodeLine(line: string): Entry | string {
  if (!canonicalLine.test(line)) return 'not an entry in canonical form'
  const entry = JSON.parse(line) as Entry
  if (!isKey(entry.path)) return 'the path is not usable'
  if (!Number.isSafeInteger(entry.size)) return 'the size is not usable'
  if (entry.mode !== undefined && entry.mode > maxMode) return 'the mode is not usable'
  return entry
}

function checkHeader(line: string, at: string): void {
  if (line === header) return
  const named = /^\{"format":"([a-z]+(?:-[a-z]+)*)\/([1-9][0-9]{0,8})"/.exec(line)
  if (named?.[1] === 'holdfast-manifest' && named[2] !== '1') {
    throw new Fault('unsupported', `a manifest of format ${named[2]}; this version of holdfast reads format 1`, {
      at,
      hint: 'use a newer version of holdfast',
    })
  }
  throw corrupt('it does not begin as a manifest does', 1, at)
}

/** Batches of whole lines; splitting many at once is several times as fast as line by line. */
async function* linesOf(bytes: AsyncIterable<Uint8Array>, limits: ManifestLimits, at: string): AsyncGenerator<string[]> {
  let rest: Uint8Array = new Uint8Array(0)
  let number = 1
  for await (const piece of bytes) {
    const end = piece.lastIndexOf(10) + 1
    if (end > 0) {
      const lines = decodeText(rest.byteLength === 0 ? piece.subarray(0, end) : Buffer.concat([rest, piece.subarray(0, end)]), number, at)
      lines.pop()
      for (const [index, line] of lines.entries()) checkLength(Buffer.byteLength(line), number + index, limits, at)
      number += lines.length
      yield lines
    }
    rest = end === piece.byteLength ? new Uint8Array(0) : Buffer.concat([end > 0 ? new Uint8Array(0) : rest, piece.subarray(end)])
    checkLength(rest.byteLength, number, limits, at)
  }
  if (rest.byteLength > 0) throw corrupt('the last line has no end', number, at)
}

function decodeText(bytes: Uint8Array, number: number, at: string): string[] {
  try {
    return utf8.decode(bytes).split('\n')
  } catch (error) {
    throw new Fault('corrupt', `not well-formed UTF-8, in line ${number} of the manifest or after it`, { at, cause: error })
  }
}

function checkLength(bytes: number, number: number, limits: ManifestLimits, at: string): void {
  if (bytes > limits.lineBytes) throw corrupt(`the line is longer than ${limits.lineBytes} bytes`, number, at)
}

function corrupt(what: string, number: number, at: string): Fault {
  return new Fault('corrupt', `${what} (line ${number} of the manifest)`, { at })
}

function unordered(previous: string, path: string): Fault {
  return previous === path
    ? new Fault('invalid', 'the path appears twice in a manifest', { at: path })
    : new Fault('invalid', `entries are not in byte order of their paths: ${JSON.stringify(previous)} comes before it`, { at: path })
}

/** An iterator that gives itself as its iterable, as generators do, can be read once. */
function canBeReadAgain(entries: Iterable<Entry> | AsyncIterable<Entry>): boolean {
  return Symbol.iterator in entries && !('next' in entries)
}
