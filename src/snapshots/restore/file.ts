import { type BigIntStats, closeSync, constants, fstatSync } from 'node:fs'
import { removeEntry } from '../../kit/sys/index.ts'
import type { Seen } from '../stat-index/look.ts'
import { decodeEntry } from '../tree/codec.ts'
import { hasSameContent } from '../tree/compare.ts'
import type { Content, Entry, Part } from '../tree/entry.ts'
import { type ByteText, joinBytes, systemPath } from '../tree/name.ts'
import { readParts } from '../tree/split.ts'
import { failUnlessAll, leave, touch } from './directory.ts'
import { type FileJob, freshFile, patchedFile, wholeBytes, wholeFile } from './job.ts'
import { compareFile, differenceOf, type FileDifference, isDifferent, openPlain, stretchesOf } from './local-file.ts'
import type { Directory, Restoring } from './restoring.ts'
import { hasOtherAttributes, settle } from './settle.ts'

export type FileEntry = Entry & { readonly kind: 'file' | 'hardlink' }

/**
 * Makes a file what it should be: not at all, by its attributes, in the blocks that differ, or whole. A large file that has to be compared is
 * compared while the walk goes on.
 */
export async function restoreFile(restoring: Restoring, directory: Directory, entry: FileEntry, live: Seen | undefined): Promise<void> {
  const parts = await readParts(restoring.chunks, entry.content, restoring)
  const present = live?.stats.isFile() === true && !isNameOfAnother(restoring, directory, entry, live.stats) ? live : undefined
  const buffer = entry.content.size <= wholeBytes ? Buffer.alloc(entry.content.size) : undefined
  const work: Work = { directory, entry, parts, live, present, buffer }
  if (present === undefined) return await make(restoring, work, undefined)
  const known = present.isSame ? contentOf(decodeEntry(present.known!.bytes)) : undefined
  if (known !== undefined && hasSameContent(known, entry.content)) return await make(restoring, work, noDifference)
  if (buffer !== undefined) return await make(restoring, work, compareSmall(joinBytes(directory.path, entry.name), entry, parts, buffer))
  if (known === undefined) return await compareLater(restoring, work)
  await make(restoring, work, differenceOf(await readParts(restoring.chunks, known, restoring), parts))
}

interface Work {
  readonly directory: Directory
  readonly entry: FileEntry
  readonly parts: readonly Part[]
  /** What has the name now. */
  readonly live: Seen | undefined
  /** That, where it is a file which may become the wanted one. */
  readonly present: Seen | undefined
  /** For the content of a small file: what is right already is in it. */
  readonly buffer: Buffer | undefined
}

const noDifference: FileDifference = { chunks: [], holes: [], isOtherSize: false }

async function compareLater(restoring: Restoring, work: Work): Promise<void> {
  const { directory, entry } = work
  directory.active++
  directory.pending++
  await restoring.later(async () => {
    try {
      const difference = await restoring.comparing.compare(joinBytes(directory.path, entry.name), entry.content.size, work.parts)
      await make(restoring, work, difference)
    } catch (error) {
      failUnlessAll(restoring, directory, entry.name, error)
    } finally {
      leave(restoring, directory, 'active')
    }
  })
}

async function make(restoring: Restoring, work: Work, difference: FileDifference | undefined): Promise<void> {
  const { directory, entry, parts, live, present, buffer } = work
  const size = entry.content.size
  if (difference !== undefined && !isDifferent(difference)) {
    if (hasOtherAttributes(restoring, joinBytes(directory.path, entry.name), present!, entry)) setAttributes(restoring, directory, entry)
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

function contentOf(entry: Entry): Content | undefined {
  return 'content' in entry ? entry.content : undefined
}

/** Undefined where the file cannot be read as it is. */
function compareSmall(path: ByteText, entry: FileEntry, parts: readonly Part[], keep: Buffer): FileDifference | undefined {
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
