import { type BigIntStats, closeSync, constants, fstatSync } from 'node:fs'
import { asFault, isFault } from '../../kit/index.ts'
import { removeEntry } from '../../kit/sys/index.ts'
import type { Seen } from '../stat-index/look.ts'
import { decodeEntry } from '../tree/codec.ts'
import { hasSameContent } from '../tree/compare.ts'
import type { Content, Entry } from '../tree/entry.ts'
import { type ByteText, joinBytes, systemPath } from '../tree/name.ts'
import { failUnlessAll, leave, touch } from './directory.ts'
import { freshFile, patchedFile, wholeBytes } from './job.ts'
import {
  type ChunkStretch,
  type FileDifference,
  foundDifferences,
  isChunk,
  knownDifferences,
  openPlain,
  type Stretch,
  stretchesOf,
} from './local-file.ts'
import type { Directory, FileWork, Restoring } from './restoring.ts'
import { hasOtherAttributes, settle } from './settle.ts'

export type FileEntry = Entry & { readonly kind: 'file' | 'hardlink' }

/**
 * Makes a file what it should be: not at all, by its attributes, in the blocks that differ, or whole. A large file that has to be compared is
 * compared while the walk goes on.
 */
export async function restoreFile(restoring: Restoring, directory: Directory, entry: FileEntry, live: Seen | undefined): Promise<void> {
  const { content } = entry
  const place: FilePlace = { directory, entry, live }
  const isFile = live?.stats.isFile() === true && !isNameOfAnother(restoring, directory, entry, live.stats)
  if (!isFile) return await makeWhole(restoring, place)
  const known = live.isSame ? contentOf(decodeEntry(live.known!.bytes)) : undefined
  const present = { ...place, live }
  if (known !== undefined && hasSameContent(known, content)) keep(restoring, present)
  else if (known !== undefined) {
    await makeSame(restoring, present, known.size !== content.size, knownDifferences(restoring.chunks, known, content, restoring))
  } else if (content.size <= wholeBytes) await compare(restoring, present)
  else await compareLater(restoring, present)
}

interface FilePlace {
  readonly directory: Directory
  readonly entry: FileEntry
  /** What has the name now. */
  readonly live: Seen | undefined
}

/** Where a file is that may become the wanted one. */
type PresentFile = FilePlace & { readonly live: Seen }

async function compareLater(restoring: Restoring, place: PresentFile): Promise<void> {
  const { directory, entry } = place
  directory.active++
  directory.pending++
  await restoring.later(async () => {
    try {
      await compare(restoring, place)
    } catch (error) {
      failUnlessAll(restoring, directory, entry.name, error)
    } finally {
      leave(restoring, directory, 'active')
    }
  })
}

async function compare(restoring: Restoring, place: PresentFile): Promise<void> {
  const { directory, entry } = place
  const fd = openPlain(systemPath(joinBytes(directory.path, entry.name)), constants.O_RDONLY)
  if (fd === undefined) return await makeWhole(restoring, place)
  try {
    const isOtherSize = fstatSync(fd).size !== entry.content.size
    await makeSame(restoring, place, isOtherSize, foundDifferences(restoring.chunks, fd, entry.content, restoring))
  } finally {
    closeSync(fd)
  }
}

async function makeSame(
  restoring: Restoring,
  place: PresentFile,
  isOtherSize: boolean,
  differences: AsyncIterable<FileDifference>,
): Promise<void> {
  const { entry, live } = place
  const canPatch = entry.content.size > wholeBytes && live.stats.nlink === 1n
  if (isOtherSize && !canPatch) return await makeWhole(restoring, place)
  let target = isOtherSize ? openPatch(restoring, place) : undefined
  if (isOtherSize && target === undefined) return await makeWhole(restoring, place)
  try {
    for await (const { chunks, holes } of differences) {
      if (chunks.length === 0 && holes.length === 0) continue
      if (canPatch) target ??= openPatch(restoring, place)
      if (target === undefined) return await makeWhole(restoring, place)
      await target.take(chunks, holes)
    }
  } catch (error) {
    if (target === undefined) throw error
    return target.giveUp(error)
  }
  if (target === undefined) keep(restoring, place)
  else target.end()
}

/** Under a temporary name, in place of whatever is there. */
async function makeWhole(restoring: Restoring, { directory, entry, live }: FilePlace): Promise<void> {
  restoring.counts.written++
  let target = onPaper(restoring)
  if (restoring.mark !== undefined) {
    const held = touch(restoring, directory)
    if (live?.stats.isDirectory() === true) restoring.counts.removed += removeEntry(held, entry.name)
    target = inWindows(restoring, { job: freshFile(held, entry.name, entry.content.size), directory, entry })
  }
  try {
    for await (const stretches of stretchesOf(restoring.chunks, entry.content, restoring)) await target.take(stretches.filter(isChunk), [])
  } catch (error) {
    return target.giveUp(error)
  }
  target.end()
}

/** The file as it is, for changes within; undefined where it cannot be written, or is another one by now. */
function openPatch(restoring: Restoring, { directory, entry, live }: PresentFile): Target | undefined {
  if (restoring.mark === undefined) {
    restoring.counts.patched++
    return onPaper(restoring)
  }
  const held = touch(restoring, directory)
  const fd = openSame(joinBytes(held.path, entry.name), live.stats)
  if (fd === undefined) return undefined
  restoring.counts.patched++
  return inWindows(restoring, { job: patchedFile(held, entry.name, fd, entry.content.size), directory, entry })
}

/** Where differences go. */
interface Target {
  take(chunks: readonly ChunkStretch[], holes: readonly Stretch[]): Promise<void>
  end(): void
  /** Trouble with this file alone is told; any other is thrown. */
  giveUp(error: unknown): void
}

function inWindows(restoring: Restoring, begun: Pick<FileWork, 'job' | 'directory' | 'entry'>): Target {
  const { windows, counts } = restoring
  begun.directory.active++
  begun.directory.pending++
  const work = windows.begin(begun)
  return {
    async take(chunks, holes) {
      counts.fetched += chunks.reduce((sum, { length }) => sum + length, 0)
      begun.job.clear(holes)
      await windows.push(work, chunks)
    },
    end: () => windows.seal(work),
    giveUp(error) {
      if (!isFault(error) || error.code === 'unavailable' || error.code === 'aborted' || error.code === 'bug') throw error
      windows.seal(work, asFault(error))
    },
  }
}

/** In a dry run. */
function onPaper({ counts }: Restoring): Target {
  return {
    async take(chunks) {
      counts.fetched += chunks.reduce((sum, { length }) => sum + length, 0)
    },
    end: () => undefined,
    giveUp(error) {
      throw error
    },
  }
}

/** The content is what it should be. */
function keep(restoring: Restoring, { directory, entry, live }: PresentFile): void {
  if (!hasOtherAttributes(restoring, joinBytes(directory.path, entry.name), live, entry)) {
    restoring.counts.unchanged++
    return
  }
  restoring.counts.attributes++
  if (restoring.mark === undefined) return
  const held = touch(restoring, directory)
  settle(restoring, systemPath(joinBytes(held.path, entry.name)), joinBytes(directory.path, entry.name), entry)
}

function contentOf(entry: Entry): Content | undefined {
  return 'content' in entry ? entry.content : undefined
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

/** The very file that was compared, for writing. */
function openSame(path: ByteText, compared: BigIntStats): number | undefined {
  const fd = openPlain(systemPath(path), constants.O_RDWR)
  if (fd === undefined) return undefined
  const now = fstatSync(fd, { bigint: true })
  if (now.ino === compared.ino && now.dev === compared.dev && now.nlink === 1n) return fd
  closeSync(fd)
  return undefined
}
