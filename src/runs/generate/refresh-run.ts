import { setImmediate as turn } from 'node:timers/promises'
import { isFault, throwIfAborted } from '../../kit/index.ts'
import { maxPackedFile, maxUnreadable } from '../format/limits.ts'
import { runFolder } from '../format/place.ts'
import { type Catalogue, copyRun, detailOfRun, dirsOfRun, filesOfRun, type RunDetail } from './catalogue.ts'
import { addRow, copyRows } from './columns.ts'
import { isGone, whyNot } from './look.ts'
import { isMetadata, type Metadata, readMetadata } from './metadata.ts'
import { createFileRefresher, type RefreshOptions } from './refresh-file.ts'
import type { SeenRun } from './scan.ts'
import type { Walk } from './walk-run.ts'

export interface RunRefresher {
  /** Adds the run to the fresh catalogue as it is now, all but its page. Only what may have changed is read. */
  refresh(seen: SeenRun): Promise<void>
  /** Of all files that were read. */
  readonly bytesRead: number
}

/** Files after which others get a turn: signals, a second request to stop. */
const filesBetweenTurns = 64

export function createRunRefresher(options: RefreshOptions): RunRefresher {
  const { root, known, fresh, packs, signal } = options
  const refresher = createFileRefresher(options)
  let sinceTurn = 0

  /** Adds the files, and gives what could not be read, and whether what a run says of itself may be new. */
  const addFiles = async (folder: string, walk: Walk, run: number | undefined) => {
    const numbers = run === undefined ? undefined : fileNumbers(known, run)
    const unreadable: [string, string][] = []
    let isToldAnew = run === undefined
    for (const { path, facts } of walk.files) {
      const before = numbers?.get(path)
      if (before !== undefined && refresher.isKept(before, facts)) {
        copyRows(fresh.files, known.files, before, before + 1)
        continue
      }
      try {
        const isSame = await refresher.add(folder, path, before)
        if (!isSame && isMetadata(path)) isToldAnew = true
      } catch (error) {
        const why = whyUnreadable(error)
        if (why !== undefined) unreadable.push([path, why])
      }
      sinceTurn = (sinceTurn + 1) % filesBetweenTurns
      if (sinceTurn === 0) await turn()
      throwIfAborted(signal)
    }
    return { unreadable, isToldAnew }
  }
  return {
    get bytesRead() {
      return refresher.bytesRead
    },
    async refresh({ key, known: run, walk: seen }) {
      if (seen === undefined && (packs === undefined || isPacked(known, run!))) return void copyRun(fresh, known, run!)
      const walk = seen ?? knownWalk(known, run!)
      const folder = `${root}/${runFolder(key)}`
      const [firstFile, firstDir] = [fresh.files.length, fresh.dirs.length]
      const { unreadable, isToldAnew } = await addFiles(folder, walk, run)
      const before = run === undefined ? undefined : detailOfRun(known, run)
      const metadata: Metadata = before === undefined || isToldAnew ? readMetadata(folder, before) : before
      addDirs(fresh, walk)
      addRun(fresh, key, { firstFile, firstDir, metadata, walk, unreadable })
    },
  }
}

function addDirs({ dirs, texts }: Catalogue, { dirs: seen }: Walk): void {
  for (const { path, facts, settled } of seen) {
    const { mtime, ctime, ino } = facts
    addRow(dirs, { path: texts.numberOf(path), mtime, ctime, ino, settled: settled ? 1 : 0 })
  }
}

interface Refreshed {
  /** Its files and directories are the last of the catalogue, from these on. */
  readonly firstFile: number
  readonly firstDir: number
  readonly metadata: Metadata
  readonly walk: Walk
  /** Files that could not be read, and why. */
  readonly unreadable: readonly [string, string][]
}

function addRun(fresh: Catalogue, key: SeenRun['key'], { firstFile, firstDir, metadata, walk, unreadable }: Refreshed): void {
  const detail: RunDetail = {
    status: metadata.status,
    tags: metadata.tags,
    created: metadata.created,
    unreadable: [...walk.unreadable, ...unreadable].slice(0, maxUnreadable),
    lists: walk.lists,
  }
  const files = sumFiles(fresh, firstFile)
  addRow(fresh.runs, {
    project: fresh.texts.numberOf(key.project),
    name: fresh.texts.numberOf(key.name),
    runId: fresh.texts.numberOf(key.runId),
    detail: fresh.texts.numberOf(JSON.stringify(detail)),
    firstFile,
    files: fresh.files.length - firstFile,
    firstDir,
    dirs: fresh.dirs.length - firstDir,
    created: metadata.created ?? files.oldest / 1000,
    newest: files.newest,
    bytes: files.bytes,
    record: 0,
    trouble: walk.isTroubled || unreadable.length > 0 ? 1 : 0,
  })
}

/** Undefined where the file is gone; what is no trouble with the file is thrown on. */
function whyUnreadable(error: unknown): string | undefined {
  if (isGone(error)) return undefined
  if (isFault(error, 'denied') || isFault(error, 'invalid')) return error.message
  if (isFault(error)) throw error
  return whyNot(error)
}

/** Whether all that belongs into packs is there. */
function isPacked(known: Catalogue, run: number): boolean {
  const { packed, size } = known.files.columns
  const [start, end] = filesOfRun(known, run)
  for (let file = start; file < end; file++) if (packed[file] === 0 && size[file]! <= maxPackedFile) return false
  return true
}

function fileNumbers(known: Catalogue, run: number): Map<string, number> {
  const numbers = new Map<string, number>()
  const [start, end] = filesOfRun(known, run)
  for (let file = start; file < end; file++) numbers.set(known.texts.at(known.files.columns.path[file]!), file)
  return numbers
}

/** What was seen of a run the last time. */
function knownWalk(known: Catalogue, run: number): Walk {
  const { texts, dirs, files, runs } = known
  const numbers = ([start, end]: readonly [number, number]) => Array.from({ length: end - start }, (_, index) => start + index)
  const factsAt = ({ columns }: Pick<typeof dirs, 'columns'>, row: number) => ({
    mtime: columns.mtime[row]!,
    ctime: columns.ctime[row]!,
    ino: columns.ino[row]!,
  })
  return {
    dirs: numbers(dirsOfRun(known, run)).map((row) => ({
      path: texts.at(dirs.columns.path[row]!),
      facts: { ...factsAt(dirs, row), size: 0 },
      settled: dirs.columns.settled[row] === 1,
    })),
    files: numbers(filesOfRun(known, run)).map((row) => ({
      path: texts.at(files.columns.path[row]!),
      facts: { ...factsAt(files, row), size: files.columns.size[row]! },
    })),
    unreadable: detailOfRun(known, run).unreadable,
    lists: detailOfRun(known, run).lists,
    isTroubled: runs.columns.trouble[run] === 1,
  }
}

function sumFiles({ files: { columns, length } }: Catalogue, first: number): { newest: number; oldest: number; bytes: number } {
  const sum = { newest: 0, oldest: 0, bytes: 0 }
  for (let file = first; file < length; file++) {
    const mtime = columns.mtime[file]!
    sum.newest = file === first ? mtime : Math.max(sum.newest, mtime)
    sum.oldest = file === first ? mtime : Math.min(sum.oldest, mtime)
    sum.bytes += columns.size[file]!
  }
  return sum
}
