import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { digestOf, errno, isFault } from '../../kit/index.ts'
import { realSys } from '../../kit/sys/index.ts'
import type { Part } from '../tree/entry.ts'

/** A part of a file and where it begins. */
export interface Stretch {
  readonly offset: number
  readonly part: Part
}

/** How a file on disk differs from what it should be. */
export interface FileDifference {
  /** Chunks that are not there as they should be. */
  readonly chunks: readonly Stretch[]
  /** Holes where there are bytes now. */
  readonly holes: readonly Stretch[]
  /** It has another length. */
  readonly isOtherSize: boolean
}

export function isDifferent({ chunks, holes, isOtherSize }: FileDifference): boolean {
  return chunks.length > 0 || holes.length > 0 || isOtherSize
}

export function* stretchesOf(parts: readonly Part[]): Generator<Stretch> {
  let offset = 0
  for (const part of parts) {
    yield { offset, part }
    offset += part.length
  }
}

/** Opens a plain file and nothing else; undefined where it is gone or may not be read. */
export function openPlain(path: string | Buffer, flags: number): number | undefined {
  try {
    const fd = openSync(path, flags | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    if (fstatSync(fd).isFile()) return fd
    closeSync(fd)
    return undefined
  } catch (error) {
    if (errno(error) !== undefined) return undefined
    throw error
  }
}

/** Reads the file part by part and compares digests. With `keep`, what is right is copied into it, which is as long as the file should be. */
export function compareFile(fd: number, size: number, parts: readonly Part[], keep?: Buffer): FileDifference {
  const present = fstatSync(fd)
  const chunks: Stretch[] = []
  const holes: Stretch[] = []
  const hasBytes = present.blocks > 0 ? bytesWithin(fd, present.size) : () => false
  let scratch = Buffer.allocUnsafe(0)
  for (const stretch of stretchesOf(parts)) {
    const { offset, part } = stretch
    if (part.id === undefined) {
      if (hasBytes(offset, offset + part.length)) holes.push(stretch)
      continue
    }
    if (offset + part.length > present.size) {
      chunks.push(stretch)
      continue
    }
    if (keep === undefined && scratch.byteLength < part.length) scratch = Buffer.allocUnsafe(part.length)
    const bytes = keep === undefined ? scratch.subarray(0, part.length) : keep.subarray(offset, offset + part.length)
    if (!readFully(fd, bytes, offset) || digestOf(bytes) !== part.id) chunks.push(stretch)
  }
  return { chunks, holes, isOtherSize: present.size !== size }
}

/** How a file of which all parts are known differs from what it should be: nothing of it is read. */
export function differenceOf(known: readonly Part[], wanted: readonly Part[]): FileDifference {
  const present = new Map([...stretchesOf(known)].map(({ offset, part }) => [offset, part]))
  const chunks: Stretch[] = []
  const holes: Stretch[] = []
  for (const stretch of stretchesOf(wanted)) {
    const { id, length } = stretch.part
    const before = present.get(stretch.offset)
    if (before?.id === id && before?.length === length) continue
    if (id === undefined) holes.push(stretch)
    else chunks.push(stretch)
  }
  return { chunks, holes, isOtherSize: lengthOf(known) !== lengthOf(wanted) }
}

function lengthOf(parts: readonly Part[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0)
}

export function readFully(fd: number, into: Uint8Array, offset: number): boolean {
  for (let done = 0; done < into.byteLength;) {
    const count = readSync(fd, into, done, into.byteLength - done, offset + done)
    if (count === 0) return false
    done += count
  }
  return true
}

/** Tells whether a range has bytes on disk. Where holes cannot be asked for, all has. */
function bytesWithin(fd: number, size: number): (start: number, end: number) => boolean {
  let extents: { start: number; end: number }[] | undefined
  return (start, end) => {
    extents ??= dataOf(fd, size)
    return extents.some((extent) => extent.start < end && extent.end > start)
  }
}

function dataOf(fd: number, size: number): { start: number; end: number }[] {
  try {
    return [...realSys.dataExtents(fd, size)].map(({ offset, length }) => ({ start: offset, end: offset + length }))
  } catch (error) {
    if (isFault(error, 'unsupported')) return [{ start: 0, end: size }]
    throw error
  }
}
