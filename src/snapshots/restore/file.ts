import { type BigIntStats, closeSync, constants, fstatSync } from 'node:fs'
import type { Seen } from '../stat-index/look.ts'
import { decodeEntry } from '../tree/codec.ts'
import { hasSameContent } from '../tree/compare.ts'
import type { Entry, Part } from '../tree/entry.ts'
import { type ByteText, joinBytes, systemPath } from '../tree/name.ts'
import { readParts } from '../tree/split.ts'
import { touch } from './directory.ts'
import { type FileJob, freshFile, patchedFile, wholeBytes, wholeFile } from './job.ts'
import { compareFile, type FileDifference, isDifferent, openPlain, stretchesOf } from './local-file.ts'
import { removeEntry } from './remove.ts'
import type { Directory, Restoring } from './restoring.ts'
import { hasOtherAttributes, settle } from './settle.ts'

export type FileEntry = Entry & { readonly kind: 'file' | 'hardlink' }

/** Makes a file what it should be: not at all, by its attributes, in the blocks that differ, or whole. */
export async function restoreFile(restoring: Restoring, directory: Directory, entry: FileEntry, live: Seen | undefined): Promise<void> {
  const parts = await readParts(restoring.chunks, entry.content, restoring)
  const size = entry.content.size
  const path = joinBytes(directory.path, entry.name)
  const present = live?.stats.isFile() === true && !isNameOfAnother(restoring, directory, entry, live.stats) ? live : undefined
  const buffer = size <= wholeBytes ? Buffer.alloc(size) : undefined
  const difference = present === undefined ? undefined : differenceOf(path, present, entry, parts, buffer)
  if (difference !== undefined && !isDifferent(difference)) {
    if (hasOtherAttributes(restoring, path, present!, entry)) setAttributes(restoring, directory, entry)
    else restoring.counts.unchanged++
    return
  }
  const missing = difference?.chunks ?? [...stretchesOf(parts)].filter(({ part }) => part.id !== undefined)
  restoring.counts.fetched += missing.reduce((sum, { part }) => sum + part.length, 0)
  const canPatch = difference !== undefined && buffer === undefined && present!.stats.nlink === 1n
  if (restoring.mark === undefined) {
    restoring.counts[canPatch ? 'patched' : 'written']++
    return
  }
  const held = touch(restoring, directory)
  if (live?.stats.isDirectory() === true) restoring.counts.removed += removeEntry(held, entry.name)
  const fd = canPatch ? openSame(joinBytes(held.path, entry.name), present!.stats) : undefined
  let job: FileJob
  if (fd !== undefined) job = patchedFile(held, entry.name, fd, size, difference!, restoring.written)
  else if (buffer !== undefined) job = wholeFile(held, entry.name, buffer, missing, restoring.written)
  else job = freshFile(held, entry.name, size, parts, restoring.written)
  restoring.counts[fd !== undefined ? 'patched' : 'written']++
  directory.active++
  directory.pending++
  await restoring.push({ job, directory, entry })
}

/** Undefined where the file cannot be read as it is. */
function differenceOf(
  path: ByteText,
  live: Seen,
  entry: FileEntry,
  parts: readonly Part[],
  keep: Buffer | undefined,
): FileDifference | undefined {
  if (live.isSame) {
    const known = decodeEntry(live.known!.bytes)
    if ('content' in known && hasSameContent(known.content, entry.content)) return { chunks: [], holes: [], isOtherSize: false }
  }
  const fd = openPlain(systemPath(path), constants.O_RDONLY)
  if (fd === undefined) return undefined
  try {
    return compareFile(fd, entry.content.size, parts, keep)
  } finally {
    closeSync(fd)
  }
}

/**
 * One file under two names that the snapshot has as two files: the second gets its own. A file that is not to be changed keeps all of its
 * names.
 */
function isNameOfAnother(restoring: Restoring, directory: Directory, entry: FileEntry, stats: BigIntStats): boolean {
  if (stats.nlink === 1n) return false
  const key = `${stats.dev}:${stats.ino}`
  const below = joinBytes(directory.below, entry.name)
  const first = restoring.keptLinks.get(key)
  if (first === undefined) restoring.keptLinks.set(key, below)
  return first !== undefined && first !== below
}

function setAttributes(restoring: Restoring, directory: Directory, entry: FileEntry): void {
  restoring.counts.attributes++
  if (restoring.mark === undefined) return
  const held = touch(restoring, directory)
  settle(restoring, systemPath(joinBytes(held.path, entry.name)), joinBytes(directory.path, entry.name), entry)
}

/** The very file that was compared, for writing; undefined where it cannot be, or is another one by now. */
function openSame(path: ByteText, compared: BigIntStats): number | undefined {
  const fd = openPlain(systemPath(path), constants.O_RDWR)
  if (fd === undefined) return undefined
  const now = fstatSync(fd, { bigint: true })
  if (now.ino === compared.ino && now.dev === compared.dev && now.nlink === 1n) return fd
  closeSync(fd)
  return undefined
}
