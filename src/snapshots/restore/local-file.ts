import { closeSync, constants, fstatSync, openSync } from 'node:fs'
import type { ChunkStore } from '../../chunks/index.ts'
import { type Digest, errno, isFault, mapAhead } from '../../kit/index.ts'
import { realSys } from '../../kit/sys/index.ts'
import type { Signal } from '../../store/index.ts'
import type { Content } from '../tree/entry.ts'
import { partsOf } from '../tree/split.ts'

/** A part of a file and where it begins. */
export interface Stretch {
  readonly offset: number
  readonly length: number
  /** Undefined for a hole. */
  readonly id: Digest | undefined
}

export type ChunkStretch = Stretch & { readonly id: Digest }

export function isChunk(stretch: Stretch): stretch is ChunkStretch {
  return stretch.id !== undefined
}

/** How some of a file on disk differs from what it should be. */
export interface FileDifference {
  /** Chunks that are not there as they should be. */
  readonly chunks: readonly ChunkStretch[]
  /** Holes where there are bytes now. */
  readonly holes: readonly Stretch[]
}

/** Bytes of a file that are dealt with in one go. */
const batchBytes = 8 << 20
/** Batches of one file that are compared at a time. */
const comparedAhead = 3

/** A file's parts in order, some at a time. Throws `corrupt` where they do not add up to its size. */
export async function* stretchesOf(chunks: ChunkStore, content: Content, options: Signal): AsyncGenerator<readonly Stretch[]> {
  let offset = 0
  for await (const parts of partsOf(chunks, content, options)) {
    let batch: Stretch[] = []
    let bytes = 0
    for (const { length, id } of parts) {
      batch.push({ offset, length, id })
      offset += length
      bytes += length
      if (bytes < batchBytes) continue
      yield batch
      batch = []
      bytes = 0
    }
    if (batch.length > 0) yield batch
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

/** Reads an open file and compares it with the chunks that it should have. */
export async function* foundDifferences(chunks: ChunkStore, fd: number, content: Content, options: Signal): AsyncGenerator<FileDifference> {
  const present = fstatSync(fd)
  const hasBytes = present.blocks > 0 ? bytesWithin(fd, present.size) : () => false
  yield* mapAhead(stretchesOf(chunks, content, options), comparedAhead, async (stretches) => ({
    holes: stretches.filter(({ id, offset, length }) => id === undefined && hasBytes(offset, offset + length)),
    chunks: await chunks.compare(fd, stretches.filter(isChunk)),
  }))
}

/** The same for a file of which it is known what it has: nothing of it is read. */
export async function* knownDifferences(
  chunks: ChunkStore,
  known: Content,
  wanted: Content,
  options: Signal,
): AsyncGenerator<FileDifference> {
  const present = oneByOne(stretchesOf(chunks, known, options))
  let now = await present.next()
  for await (const stretches of stretchesOf(chunks, wanted, options)) {
    const differing: Stretch[] = []
    for (const stretch of stretches) {
      while (now.done !== true && now.value.offset < stretch.offset) now = await present.next()
      const isThere =
        now.done !== true && now.value.offset === stretch.offset && now.value.id === stretch.id && now.value.length === stretch.length
      if (!isThere) differing.push(stretch)
    }
    yield { chunks: differing.filter(isChunk), holes: differing.filter(({ id }) => id === undefined) }
  }
}

async function* oneByOne<T>(batches: AsyncIterable<readonly T[]>): AsyncGenerator<T> {
  for await (const batch of batches) yield* batch
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
