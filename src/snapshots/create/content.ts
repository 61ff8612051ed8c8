import { type BigIntStats, closeSync, constants, openSync } from 'node:fs'
import type { ChunkWriter, ExpectedFile, IngestedFile } from '../../chunks/index.ts'
import { mapBounded } from '../../kit/index.ts'
import { type FileMark, realSys } from '../../kit/sys/index.ts'
import type { Part } from '../tree/entry.ts'

/** What was read of a file. */
export interface ReadFile {
  readonly size: number
  readonly parts: readonly Part[]
  /** What the file was when these bytes were read. */
  readonly mark: FileMark
  /** It changed with every reading: the parts may be of several states. */
  readonly changedWhileRead: boolean
}

type Extent = { readonly start: number; readonly end: number }

/** A file of more holes than this is read whole: its zeros cost little in the store. */
const maxExtents = 20_000
const sparseTries = 3
/** What a file system needs at least to save by a hole. */
const blockBytes = 4096

/** Reads a plain file into the store: what it has in chunks, its holes as holes. */
export async function readIntoStore(writer: ChunkWriter, path: string | Buffer, stats: BigIntStats): Promise<ReadFile> {
  const expected = expectedOf(stats)
  if (expected.size === 0) return { size: 0, parts: [], mark: expected, changedWhileRead: false }
  let whole = expected
  if (mayHaveHoles(stats)) {
    for (let tries = 1; ; tries++) {
      const extents = extentsOf(path, whole.size)
      if (extents === undefined) break
      const read = await readSparse(writer, path, whole, extents)
      const mark = read.find(({ stat }) => !isSameState(stat, whole))?.stat
      if (mark === undefined || tries === sparseTries) {
        return { size: whole.size, parts: partsBetweenHoles(read, extents, whole.size), mark: whole, changedWhileRead: mark !== undefined }
      }
      whole = mark
    }
  }
  const { stat, chunks, changedWhileRead } = await writer.addFile(path, whole)
  return { size: stat.size, parts: partsOf(chunks), mark: stat, changedWhileRead }
}

function expectedOf(stats: BigIntStats): ExpectedFile {
  return { size: Number(stats.size), mtimeNs: stats.mtimeNs, ctimeNs: stats.ctimeNs, ino: stats.ino, dev: stats.dev }
}

function isSameState(a: ExpectedFile, b: ExpectedFile): boolean {
  return a.size === b.size && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs && a.ino === b.ino
}

function mayHaveHoles({ size, blocks }: BigIntStats): boolean {
  return Number(blocks) * 512 + blockBytes <= Number(size)
}

/** The stretches that have data; undefined where that is all of it, or where it cannot be asked for. */
function extentsOf(path: string | Buffer, size: number): Extent[] | undefined {
  if (realSys.whyMissing() !== undefined || size === 0) return undefined
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const extents: Extent[] = []
    for (const { offset, length } of realSys.dataExtents(fd, size)) {
      if (extents.length === maxExtents) return undefined
      extents.push({ start: offset, end: offset + length })
    }
    return extents.length === 1 && extents[0]!.start === 0 && extents[0]!.end >= size ? undefined : extents
  } finally {
    closeSync(fd)
  }
}

/** Each stretch on its own, so that no chunk reaches over a hole. */
async function readSparse(
  writer: ChunkWriter,
  path: string | Buffer,
  whole: ExpectedFile,
  extents: readonly Extent[],
): Promise<IngestedFile[]> {
  return await mapBounded(extents, 8, (extent) => writer.addFile(path, whole, { extents: [extent] }))
}

function partsBetweenHoles(read: readonly IngestedFile[], extents: readonly Extent[], size: number): Part[] {
  const parts: Part[] = []
  let at = 0
  for (const [index, { start }] of extents.entries()) {
    if (start > at) parts.push({ length: start - at, id: undefined })
    at = start
    for (const part of partsOf(read[index]!.chunks)) {
      parts.push(part)
      at += part.length
    }
  }
  if (at < size) parts.push({ length: size - at, id: undefined })
  return parts
}

function partsOf(chunks: Iterable<Part>): Part[] {
  return Array.from(chunks, ({ id, length }) => ({ id, length }))
}
