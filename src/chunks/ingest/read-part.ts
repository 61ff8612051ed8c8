import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { diskFault, errno, Fault } from '../../kit/index.ts'
import type { ExpectedFile } from '../chunk-store.ts'
import type { Extent, PartResult, PartToRead } from './messages.ts'
import type { Region } from './region.ts'

/** Where what is read goes. */
export interface Regions {
  readonly current: Region
  /** The longest chunk. */
  readonly max: number
  /** Hands the current region on and gives the other one, with the bytes from `keepFrom` at its beginning. */
  next(keepFrom: number): Promise<Region>
}

/** A file that changes while it is read is read again this often. */
const readings = 4
/** Less room than this is not worth a read. */
const smallRoom = 64 << 10

/** Reads a part into regions and cuts it there. Faults of the file are thrown; they concern this file alone. */
export async function readPart(part: PartToRead, regions: Regions): Promise<PartResult> {
  const at = Buffer.from(part.path).toString()
  const fd = open(part.path, at)
  try {
    for (let reading = 1; ; reading++) {
      const before = factsOf(fd, at)
      const found = await cutPart(fd, part, before.size, regions)
      const after = factsOf(fd, at)
      const changed = !isUnchanged(before, after)
      if (changed && reading < readings) continue
      return { ...found, changed, stat: isUnchanged(part.expected, after) ? undefined : after }
    }
  } catch (error) {
    throw diskFault(error, at, 'read the file')
  } finally {
    closeSync(fd)
  }
}

/** Never through a symbolic link, which could have taken the file's place, and never waiting for a pipe's other end. */
function open(path: string | Uint8Array, at: string): number {
  try {
    return openSync(typeof path === 'string' ? path : Buffer.from(path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    if (errno(error) === 'ELOOP' || errno(error) === 'ENXIO')
      throw new Fault('invalid', 'it is no plain file any more', { at, cause: error })
    throw diskFault(error, at, 'read the file')
  }
}

function isUnchanged(a: ExpectedFile, b: ExpectedFile): boolean {
  return a.size === b.size && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs && a.ino === b.ino && a.dev === b.dev
}

function factsOf(fd: number, at: string): ExpectedFile {
  const stat = fstatSync(fd, { bigint: true })
  if (!stat.isFile()) throw new Fault('invalid', 'it is no plain file any more', { at })
  return { size: Number(stat.size), mtimeNs: stat.mtimeNs, ctimeNs: stat.ctimeNs, ino: stat.ino, dev: stat.dev }
}

/** The chunks of a part. The last chunk of a part may end behind it; at a file's end it is as short as it is. */
async function cutPart(
  fd: number,
  part: PartToRead,
  size: number,
  regions: Regions,
): Promise<{ refs: Uint8Array; first: number; last: number }> {
  const total = part.extents === undefined ? size : part.extents.reduce((sum, { start, end }) => sum + end - start, 0)
  const refs: Uint8Array[] = []
  let region = regions.current
  let chunkStart = region.filled
  let position = part.start
  let readAt = part.start
  let first = -1
  let ended = false
  while (position < part.to) {
    const room = Math.min(region.cutter.bytes.byteLength - region.filled, total - readAt)
    if (region.isFull || (!ended && room < Math.min(total - readAt, smallRoom))) {
      region = await regions.next(chunkStart)
      chunkStart = 0
      continue
    }
    const read: number =
      ended || room <= 0 ? 0 : readAcross(fd, part.extents, region.cutter.bytes.subarray(region.filled, region.filled + room), readAt)
    region.filled += read
    readAt += read
    ended ||= read === 0 || readAt === total
    for (const max = regions.max; !region.isFull && position < part.to;) {
      const available = region.filled - chunkStart
      if (available === 0 || (available < max && !ended)) break
      const end = region.cutter.cut(chunkStart, region.filled)
      if (position >= part.from) {
        refs.push(new Uint8Array(region.note(chunkStart, end)))
        if (first === -1) first = position
      }
      position += end - chunkStart
      chunkStart = end
    }
    if (ended && chunkStart === region.filled) break
  }
  // What was read behind the part is no chunk of it.
  region.filled = chunkStart
  return { refs: joined(refs), first: first === -1 ? position : first, last: position }
}

/** Reads at a position that counts only what lies in the extents. */
function readAcross(fd: number, extents: readonly Extent[] | undefined, into: Uint8Array, position: number): number {
  if (extents === undefined) return readSync(fd, into, 0, into.byteLength, position)
  let before = 0
  for (const { start, end } of extents) {
    const within = position - before
    if (within < end - start) return readSync(fd, into, 0, Math.min(into.byteLength, end - start - within), start + within)
    before += end - start
  }
  return 0
}

/** Not a Buffer, whose memory may be a pool that would travel whole to another thread. */
function joined(refs: readonly Uint8Array[]): Uint8Array {
  if (refs.length === 1) return refs[0]!
  const all = new Uint8Array(refs.reduce((sum, { byteLength }) => sum + byteLength, 0))
  let at = 0
  for (const ref of refs) {
    all.set(ref, at)
    at += ref.byteLength
  }
  return all
}
