import { type BigIntStats, closeSync, constants, fstatSync, ftruncateSync, openSync } from 'node:fs'
import { type ByteText, diskFault, errno, joinBytes, shownName, systemPath } from '../../kit/index.ts'
import { type Extent, type Held, realSys as sys, removeEntry } from '../../kit/sys/index.ts'
import { clearRange } from '../../snapshots/attributes/index.ts'
import { copyAttributes, fileKey, isSparse, statsIn } from './entry.ts'
import { isClaimable, leave, type Mirroring, noteEqual, type Sides, touch } from './mirroring.ts'

/** Makes a live file what the base has under that name: within it where that can be, else as a new file. Returns when there is room for more. */
export async function mirrorFile(
  mirroring: Mirroring,
  sides: Sides,
  name: ByteText,
  base: BigIntStats,
  live: BigIntStats | undefined,
): Promise<void> {
  const to = live?.nlink === 1n ? openSame(sides.live, name, live) : undefined
  const work =
    to !== undefined
      ? patch(mirroring, sides, name, base, live!, to)
      : live !== undefined && live.nlink > 1n
        ? keepOrReplace(mirroring, sides, name, base, live)
        : replace(mirroring, sides, name, base, live)
  sides.pending++
  mirroring.lane.add(
    work
      .catch((error: unknown) => {
        throw diskFault(error, shownName(joinBytes(sides.live.name, name)), 'restore the file')
      })
      .then(() => leave(mirroring, sides)),
  )
  await mirroring.lane.room()
}

/** The very file that was looked at, for writing; undefined where it cannot be had: a program that runs, one that may not be written to. */
function openSame(directory: Held, name: ByteText, seen: BigIntStats): number | undefined {
  let fd: number
  try {
    fd = openSync(systemPath(joinBytes(directory.path, name)), constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    if (errno(error) !== undefined) return undefined
    throw error
  }
  const now = fstatSync(fd, { bigint: true })
  if (now.isFile() && now.nlink === 1n && fileKey(now) === fileKey(seen)) return fd
  closeSync(fd)
  return undefined
}

/** A file with further names, maybe elsewhere, is not written to. */
async function keepOrReplace(mirroring: Mirroring, sides: Sides, name: ByteText, base: BigIntStats, live: BigIntStats): Promise<void> {
  const looksSame =
    live.size === base.size && live.mtimeNs === base.mtimeNs && live.mode === base.mode && live.uid === base.uid && live.gid === base.gid
  const isSame = looksSame && isClaimable(mirroring.claimed, live, base) && (await hasSameBytes(mirroring, sides, name, base))
  if (!isSame) return await replace(mirroring, sides, name, base, live)
  const [from, to] = [sides.base, sides.live].map((directory) => systemPath(joinBytes(directory.path, name))) as [string, string]
  copyAttributes(from, base, to, mirroring.shortfall)
  noteEqual(mirroring, joinBytes(sides.below, name), statsIn(sides.live, name), base)
}

async function hasSameBytes({ patching }: Mirroring, sides: Sides, name: ByteText, base: BigIntStats): Promise<boolean> {
  const opened: number[] = []
  try {
    for (const { path } of [sides.base, sides.live]) {
      opened.push(openSync(systemPath(joinBytes(path, name)), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK))
    }
    const [from, to] = opened as [number, number]
    return (await patching.patch({ from, to, offset: 0, length: Number(base.size), writes: false })) === 0
  } finally {
    for (const fd of opened) closeSync(fd)
  }
}

async function replace(
  mirroring: Mirroring,
  sides: Sides,
  name: ByteText,
  base: BigIntStats,
  live: BigIntStats | undefined,
): Promise<void> {
  const { counts, copier } = mirroring
  touch(sides)
  if (live !== undefined) removeEntry(sides.live, name)
  counts[live === undefined ? 'added' : 'changed']++
  await copier.copy(sides.base, sides.live, name, base)
  noteEqual(mirroring, joinBytes(sides.below, name), statsIn(sides.live, name), base)
}

async function patch(mirroring: Mirroring, sides: Sides, name: ByteText, base: BigIntStats, live: BigIntStats, to: number): Promise<void> {
  let from: number | undefined
  try {
    from = openSync(systemPath(joinBytes(sides.base.path, name)), constants.O_RDONLY | constants.O_NOFOLLOW)
    const written = shareAll(mirroring, from, to, base) ? 0 : await patchBlocks(mirroring, from, to, base)
    mirroring.patched.bytes += written
    if (written > 0 || live.size !== base.size || live.mtimeNs !== base.mtimeNs) mirroring.counts.changed++
    copyAttributes(from, base, to, mirroring.shortfall)
    noteEqual(mirroring, joinBytes(sides.below, name), fstatSync(to, { bigint: true }), base)
  } finally {
    for (const fd of [from, to]) if (fd !== undefined) closeSync(fd)
  }
  mirroring.report({ kind: 'advance', task: 'restore', items: 1, bytes: Number(base.size) })
}

/** Where files can share bytes, nothing has to be compared. */
function shareAll({ copier, compares }: Mirroring, from: number, to: number, { size }: BigIntStats): boolean {
  if (compares || copier.sharing() === false) return false
  // What nobody will read any more need not be written to the disk first. A file that is longer cannot share a last block.
  ftruncateSync(to, copier.sharing() === true ? 0 : Number(size))
  return size === 0n || copier.share(from, to)
}

async function patchBlocks({ patching }: Mirroring, from: number, to: number, base: BigIntStats): Promise<number> {
  const size = Number(base.size)
  if (fstatSync(to).size !== size) ftruncateSync(to, size)
  const extents = isSparse(base) ? [...sys.dataExtents(from, size)] : [{ offset: 0, length: size }]
  if (isSparse(base)) clearBetween(to, extents, size)
  let written = 0
  for (const { offset, length } of extents) written += await patching.patch({ from, to, offset, length, writes: true })
  return written
}

/** Where the base has holes, the live file gets them too. */
function clearBetween(to: number, extents: readonly Extent[], size: number): void {
  const present = [...sys.dataExtents(to, size)]
  let end = 0
  for (const { offset, length } of [...extents, { offset: size, length: 0 }]) {
    const [start, until] = [end, offset]
    if (present.some((data) => data.offset < until && data.offset + data.length > start))
      clearRange(to, { offset: start, length: until - start })
    end = offset + length
  }
}
