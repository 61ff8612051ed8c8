import { open } from 'node:fs/promises'
import { type Digest, hasher } from './digest.ts'
import { Fault } from './fault.ts'
import { throwIfAborted } from './abort.ts'

/**
 * A stream of bytes that can say its length.
 *
 * Where `rewindable` is true every iteration starts again at the first byte and gives the same bytes, which is what a
 * retry needs. Where it is false a second iteration throws. The pieces given belong to the reader until it asks for
 * the next one, or finds the end: then a piece may be overwritten, or its memory be gone and the piece be empty, so whoever keeps it longer
 * copies it, and whoever gives it to a thread or a socket waits for that first. A reader that leaves early has no such duty.
 */
export interface Bytes extends AsyncIterable<Uint8Array> {
  readonly length?: number | undefined
  readonly rewindable: boolean
}

/** Bytes in a piece, where nothing else sets its size: 1 MiB. */
export const pieceSize = 1 << 20

/**
 * Gives memory back without waiting for the collector: what streams leave of it counts as the heap's, and makes the collector go through all of
 * the heap again and again. Rooms that others may share are left alone.
 *
 * For who made the room alone, and only when nobody can look at it any more: not the reader, which has asked for more; no thread and no socket,
 * which do not keep it, and would read memory that is another's by then. That a reader has left early or failed, or an answer has come, proves none
 * of this.
 */
export function freeRoom(room: ArrayBufferLike): void {
  if (room instanceof ArrayBuffer && room.byteLength > Buffer.poolSize) room.transfer(0)
}

/** Bytes that are in memory already, in pieces of `pieceSize` at most; text as UTF-8. They are shared, not copied. */
export function bytesOf(content: Uint8Array | string): Bytes {
  const whole = typeof content === 'string' ? new TextEncoder().encode(content) : content
  return {
    length: whole.byteLength,
    rewindable: true,
    async *[Symbol.asyncIterator]() {
      for (let at = 0; at < whole.byteLength; at += pieceSize) yield whole.subarray(at, at + pieceSize)
    },
  }
}

/** Bytes read once from an iterable, such as a child's output or a response body. */
export function bytesOnce(source: AsyncIterable<Uint8Array>, length?: number): Bytes {
  let taken = false
  return {
    length,
    rewindable: false,
    [Symbol.asyncIterator]() {
      if (taken) throw new Fault('bug', 'a stream that can be read once was read twice')
      taken = true
      return source[Symbol.asyncIterator]()
    },
  }
}

/** Bytes that `open` starts anew for each reading. */
export function bytesFrom(open: () => AsyncIterable<Uint8Array>, length?: number): Bytes {
  return { length, rewindable: true, [Symbol.asyncIterator]: () => open()[Symbol.asyncIterator]() }
}

export interface FileRange {
  readonly start: number
  /** The first byte that is not read. */
  readonly end: number
}

/** A file's bytes, or a part of them. The length is what the caller knows it to be; a shorter or longer file throws `corrupt`. */
export function bytesOfFile(path: string, length: number, range: FileRange = { start: 0, end: length }): Bytes {
  return bytesFrom(() => readFileRange(path, range), range.end - range.start)
}

async function* readFileRange(path: string, range: FileRange): AsyncGenerator<Uint8Array> {
  const file = await open(path, 'r')
  try {
    let position = range.start
    while (position < range.end) {
      const piece = new Uint8Array(Math.min(pieceSize, range.end - position))
      const { bytesRead } = await file.read(piece, 0, piece.byteLength, position)
      if (bytesRead === 0) throw new Fault('corrupt', `the file became shorter while it was read`, { at: path })
      position += bytesRead
      yield piece.subarray(0, bytesRead)
    }
  } finally {
    await file.close()
  }
}

/** All of it in memory: for what is known to be small. Past `limit` bytes it throws `corrupt` and names the limit. */
export async function collect(bytes: AsyncIterable<Uint8Array>, limit: number, what = 'content'): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  let size = 0
  for await (const piece of bytes) {
    size += piece.byteLength
    if (size > limit) throw new Fault('corrupt', `${what} is larger than its limit of ${limit} bytes`)
    // Not `slice`: a Buffer's shares its memory.
    pieces.push(new Uint8Array(piece))
  }
  if (pieces.length === 1) return pieces[0]!
  const whole = new Uint8Array(size)
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.byteLength
  }
  return whole
}

/** The same bytes, hashed as they go by: the last piece is withheld until length and digest are right, else `corrupt`. */
export function verified(bytes: Bytes, digest: Digest, at: string): Bytes {
  return {
    length: bytes.length,
    rewindable: bytes.rewindable,
    async *[Symbol.asyncIterator]() {
      const state = hasher()
      let size = 0
      let held: Uint8Array | undefined
      for await (const piece of bytes) {
        if (held !== undefined) yield held
        state.update(piece)
        size += piece.byteLength
        held = new Uint8Array(piece)
      }
      if (bytes.length !== undefined && size !== bytes.length) {
        throw new Fault('corrupt', `expected ${bytes.length} bytes, got ${size}`, { at })
      }
      const actual = state.digest()
      if (actual !== digest) throw new Fault('corrupt', `expected ${digest}, got ${actual}`, { at })
      if (held !== undefined) yield held
    },
  }
}

/** The same bytes, with a look at each piece as it goes by, and an end as soon as the signal says so. */
export function observed(bytes: Bytes, look: (piece: Uint8Array) => void | Promise<void>, signal?: AbortSignal): Bytes {
  return {
    length: bytes.length,
    rewindable: bytes.rewindable,
    async *[Symbol.asyncIterator]() {
      for await (const piece of bytes) {
        throwIfAborted(signal)
        await look(piece)
        yield piece
      }
    },
  }
}
