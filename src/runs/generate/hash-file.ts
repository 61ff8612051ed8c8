import { createHash, hash } from 'node:crypto'
import { closeSync, constants, fstatSync, openSync, readlinkSync, readSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import { Fault, pieceSize, throwIfAborted } from '../../kit/index.ts'
import { maxPackedFile, maxPackedTail } from '../format/limits.ts'
import type { Facts } from './look.ts'

/** A file's content at one moment. */
export interface HashedFile {
  /** As they were before it was read. `size` is how many bytes were read. */
  readonly facts: Facts
  readonly digest: Buffer
  /** It begins with all that it was before. */
  readonly hasGrown: boolean
  /** All of it where it is small; else what it has grown by, unless that is too much. It stands only until the next file is hashed. */
  readonly bytes: Uint8Array | undefined
  /** The last bytes, at most 4,096. The same holds. */
  readonly end: Uint8Array
}

/** What the file was when it was hashed before. */
export interface Before {
  readonly size: number
  readonly digest: Uint8Array
}

export interface HashOptions {
  readonly before: Before | undefined
  /** Of a file that was written to after this time, in milliseconds since 1970, a last line without an end is left out. */
  readonly linesSince: number | undefined
  readonly signal: AbortSignal | undefined
}

/** Hashes files, one at a time: it has memory of its own for them. */
export interface FileHasher {
  /**
   * Reads a file whole, as long as it is when it is opened; one that changes meanwhile, other than by growing, is read again, and the
   * third time taken as it comes. `path` is absolute and real: a link that came into it is not followed. Throws the system's own errors.
   */
  hash(path: string, options: HashOptions): Promise<HashedFile>
}

const tries = 3
/** Bytes at the end of a file in which a line's end is looked for: what is longer is no line. */
const longestLine = 64 << 10
const endBytes = 4096

export function createFileHasher(): FileHasher {
  const small = Buffer.allocUnsafeSlow(maxPackedFile)
  let large: Buffer | undefined
  const hashOnce = async (fd: number, facts: Facts, before: Before | undefined, signal: AbortSignal | undefined) => {
    if (facts.size <= maxPackedFile) return hashSmall(fd, facts, before, small)
    large ??= Buffer.allocUnsafeSlow(pieceSize)
    return await hashLarge(fd, facts, before, { room: large, signal })
  }
  return {
    async hash(path, { before, linesSince, signal }) {
      const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
      try {
        checkPlace(fd, path)
        for (let attempt = 1; ; attempt++) {
          const facts = factsOf(fd, path)
          // A time in the future was given to it: when that was done is known.
          const isGrowing = linesSince !== undefined && Math.min(facts.mtime, facts.ctime) > linesSince
          let size = isGrowing ? wholeLines(fd, facts.size, before) : facts.size
          let hashed = await hashOnce(fd, { ...facts, size }, before, signal)
          // Of a log that began anew, what was listed before says nothing about its lines.
          const isAnew = before !== undefined && !hashed.hasGrown && !hashed.digest.equals(before.digest)
          if (isGrowing && isAnew) {
            size = wholeLines(fd, facts.size, undefined)
            hashed = await hashOnce(fd, { ...facts, size }, undefined, signal)
          }
          const isWhole = hashed.facts.size === size
          if (attempt === tries || (isWhole && isOfOneMoment(facts, factsOf(fd, path)))) return hashed
        }
      } finally {
        closeSync(fd)
      }
    },
  }
}

/** What was read was there all at once: nothing changed while it was read, or only something was added. */
function isOfOneMoment(before: Facts, after: Facts): boolean {
  const isSame = after.size === before.size && after.mtime === before.mtime && after.ctime === before.ctime
  return isSame || after.size > before.size
}

/** Where the last line ends; never before what was listed already. All of it, where that is longer than a line may be. */
function wholeLines(fd: number, size: number, before: Before | undefined): number {
  const end = Buffer.alloc(Math.min(size, longestLine))
  const start = size - end.byteLength
  const last = end.subarray(0, readFully(fd, end, start, end.byteLength)).lastIndexOf(0x0a)
  const lines = last === -1 && start > 0 ? size : start + last + 1
  return Math.min(size, Math.max(lines, before?.size ?? 0))
}

/** A directory on the way may have become a link after it was looked at. */
function checkPlace(fd: number, path: string): void {
  let place: string
  try {
    place = readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    // No /proc: the directories were looked at a moment ago, and that must do.
    return
  }
  if (place !== path && !place.endsWith(' (deleted)')) throw new Fault('denied', 'a symbolic link came into its path', { at: path })
}

function factsOf(fd: number, path: string): Facts {
  const stats = fstatSync(fd)
  if (!stats.isFile()) throw new Fault('invalid', 'it is no file any more', { at: path })
  return { size: stats.size, mtime: stats.mtimeMs, ctime: stats.ctimeMs, ino: stats.ino }
}

function hashSmall(fd: number, facts: Facts, before: Before | undefined, room: Buffer): HashedFile {
  const size = readFully(fd, room, 0, facts.size)
  const bytes = room.subarray(0, size)
  const digest = hash('sha256', bytes, 'buffer')
  const hasGrown = isShorter(before, size) && hash('sha256', bytes.subarray(0, before.size), 'buffer').equals(before.digest)
  return { facts: { ...facts, size }, digest, hasGrown, bytes, end: bytes.subarray(Math.max(0, size - endBytes)) }
}

interface Means {
  readonly room: Buffer
  readonly signal: AbortSignal | undefined
}

/** In pieces, with a turn for others after each few. */
async function hashLarge(fd: number, facts: Facts, before: Before | undefined, { room, signal }: Means): Promise<HashedFile> {
  const state = createHash('sha256')
  const grownFrom = isShorter(before, facts.size) ? before.size : undefined
  const tail = grownFrom !== undefined && facts.size - grownFrom <= maxPackedTail ? Buffer.alloc(facts.size - grownFrom) : undefined
  let end: Buffer = Buffer.alloc(0)
  let hasGrown = false
  let at = 0
  for (let pieces = 1; at < facts.size; pieces++) {
    // A piece ends where the file ended before.
    const stop = grownFrom !== undefined && at < grownFrom ? grownFrom : facts.size
    const read = readFully(fd, room, at, Math.min(pieceSize, stop - at))
    if (read === 0) break
    const piece = room.subarray(0, read)
    state.update(piece)
    if (tail !== undefined && at >= grownFrom!) tail.set(piece, at - grownFrom!)
    end = Buffer.concat([end, piece.subarray(Math.max(0, read - endBytes))]).subarray(-endBytes)
    at += read
    if (at === grownFrom) hasGrown = state.copy().digest().equals(before!.digest)
    if (pieces % 8 === 0) {
      await turn()
      throwIfAborted(signal)
    }
  }
  const grew = hasGrown && at === facts.size
  return { facts: { ...facts, size: at }, digest: state.digest(), hasGrown: grew, bytes: grew ? tail : undefined, end }
}

function isShorter(before: Before | undefined, size: number): before is Before {
  return before !== undefined && before.size > 0 && before.size < size
}

/** As much as there is, up to `length`. */
function readFully(fd: number, into: Buffer, position: number, length: number): number {
  let read = 0
  while (read < length) {
    const count = readSync(fd, into, read, length - read, position + read)
    if (count === 0) break
    read += count
  }
  return read
}
