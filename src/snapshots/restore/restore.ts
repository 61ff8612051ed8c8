import { realpathSync, statSync } from 'node:fs'
import { type Digest, digestOf, diskFault, errno, Fault, makeDirectoriesSync } from '../../kit/index.ts'
import { type Held, holdTop, isSettled, letGo, markOf, realSys } from '../../kit/sys/index.ts'
import { applyTime, createShortfall, type Omission, rememberOwners } from '../attributes/index.ts'
import type { SnapshotContext } from '../context.ts'
import { collectProblems, type Problem } from '../create/problems.ts'
import type { Listed } from '../record/lines.ts'
import { lookAt } from '../stat-index/look.ts'
import { openStatIndex, startStatIndex, statIndexFile, type StatIndexWriter } from '../stat-index/stat-index.ts'
import { encodeDirectory, encodeEntry } from '../tree/codec.ts'
import { type ByteText, byteText, rootName, shownName } from '../tree/name.ts'
import { lookUp, type Placed } from '../tree/walk.ts'
import { workBeside } from './beside.ts'
import { freshState, recordOf, touch } from './directory.ts'
import { startFlushing } from './flushing.ts'
import { directoriesOn, inclusionOf } from './inclusion.ts'
import { makeLinks } from './links.ts'
import { type HeldMark, holdMark, type Mark } from './mark.ts'
import type { Directory, RestoreCounts, Restoring } from './restoring.ts'
import { hasOtherAttributes } from './settle.ts'
import { makeSo, visitDirectory } from './visit.ts'
import { openWindows } from './window.ts'

export interface RestoreOptions {
  readonly snapshot: Listed
  /** Below the root of the snapshot; nothing for all of it. */
  readonly path: ByteText
  /** Absolute. It becomes what the directory at `path` was; a file at `path` is put into it. */
  readonly target: string
  /** Removes what the snapshot does not have. */
  readonly delete?: boolean | undefined
  /** Only what matches one of these, with all below it. */
  readonly include?: readonly string[] | undefined
  readonly allowDevices?: boolean | undefined
  /** Compares every file with the snapshot, whatever is known of it. */
  readonly force?: boolean | undefined
  readonly dryRun?: boolean | undefined
}

export interface Restored {
  readonly target: string
  readonly counts: Readonly<RestoreCounts>
  /** Bytes written into files. */
  readonly written: number
  /** A restore that had not ended, which this one has finished or replaced. */
  readonly tookOver: Mark | undefined
  readonly problems: { readonly count: number; readonly first: readonly Problem[] }
  /** Attributes that could not be set. */
  readonly omissions: readonly Omission[]
}

/** Large files that are compared beside the walk. */
const comparedAtATime = 4

/**
 * Makes a directory what a snapshot says, touching only what differs: small files under a temporary name, in large ones the blocks that
 * differ. From before the first change until after the last, a durable mark stands in the target. Writes nothing outside of
 * it. What could not be restored is told in `problems`, and the rest is done. Throws `busy` while another restore runs there.
 */
export async function restoreSnapshot(context: SnapshotContext, options: RestoreOptions): Promise<Restored> {
  const chunks = await context.chunks()
  const from = await lookUp(chunks, options.snapshot.root, options.path, context)
  const included = await inclusionOf(chunks, from, options.include ?? [], context)
  const target = readyTarget(options.target, options.dryRun === true)
  const file = statIndexFile(await context.cacheDir(), target.path, whatOf(options))
  const known = options.force === true ? undefined : openStatIndex(file)
  const top = target.exists ? holdTop(byteText(target.path)) : undefined
  const flushing = startFlushing()
  let index: StatIndexWriter | undefined
  let mark: HeldMark | undefined
  try {
    if (top !== undefined && options.dryRun !== true) mark = holdMark(top.path, top.fd, markOfRestore(context, options))
    const keepsIndex = from.entry.kind === 'directory' && (options.include ?? []).length === 0 && options.dryRun !== true
    const windows = openWindows(() => restoring)
    const beside = workBeside(comparedAtATime)
    const restoring: Restoring = {
      chunks,
      mark,
      isTakenOver: mark?.isTaken === true,
      removesForeign: options.delete === true,
      allowDevices: options.allowDevices === true,
      included,
      passing: passingOf(options),
      start: from.path === '' ? '' : `${from.path}/`,
      known,
      index: keepsIndex ? () => (index ??= startStatIndex(file, known)) : undefined,
      shortfall: createShortfall(),
      owners: rememberOwners(realSys),
      problems: collectProblems(),
      counts: { unchanged: 0, written: 0, patched: 0, attributes: 0, directories: 0, others: 0, removed: 0, fetched: 0 },
      written: { bytes: 0 },
      report: context.report,
      clock: context.clock,
      signal: context.signal,
      windows,
      flushing,
      later: beside.start,
      links: [],
      leaders: new Map(),
      keptLinks: new Map(),
    }
    const directory = topDirectory(restoring, from, target, top)
    context.report({ kind: 'begin', task: 'restore' })
    try {
      await beside.around(() => visitTop(restoring, directory, from))
      await windows.end()
    } finally {
      await windows.drop()
    }
    makeLinks(restoring, options.dryRun === true ? undefined : top)
    endRestore(restoring, directory, from, { top, mark, basis: options.snapshot.root, commit: (at, basis) => index?.commit(at, basis) })
    context.report({ kind: 'end', task: 'restore' })
    return resultOf(restoring, target.path, mark)
  } finally {
    index?.drop()
    known?.close()
    flushing.close()
    mark?.release()
    if (top !== undefined) letGo(top)
  }
}

async function visitTop(restoring: Restoring, directory: Directory, { entry }: Placed): Promise<void> {
  if (entry.kind === 'directory') return await visitDirectory(restoring, directory, entry.node)
  const live = directory.exists ? lookAt(`${directory.path}/${entry.name}`, entry.name, undefined) : undefined
  await makeSo(restoring, directory, [entry], new Map(live === undefined ? [] : [[entry.name, live]]), 0)
}

interface Ending {
  readonly top: Held | undefined
  readonly mark: HeldMark | undefined
  /** The root of the snapshot that has all of it. */
  readonly basis: Digest
  readonly commit: (record: number, basis: Digest) => void
}

/** The mark goes when all is done, and what was found out is kept for the next time. */
function endRestore(restoring: Restoring, directory: Directory, from: Placed, { top, mark, basis, commit }: Ending): void {
  if (mark === undefined || top === undefined) return
  const { entry } = from
  // What a killed restore has left unflushed too.
  if (mark.isTaken) restoring.flushing.begin(top)
  restoring.flushing.end()
  const isCleared = mark.clear()
  if (entry.kind !== 'directory') return
  if (isCleared) applyTime(top.fd, entry.mtimeNs, restoring)
  if (restoring.problems.count > 0 || restoring.shortfall.omissions().length > 0) return
  const child = recordOf(restoring, directory)
  const seen = child === 'same' ? undefined : lookAt(directory.path, rootName, undefined)
  if (child === 'same' || seen === undefined) return
  const bytes = encodeEntry({ ...entry, name: rootName })
  const stamp = markOf(seen.stats)
  const root = { name: rootName, bytes, mark: stamp, isTrusted: isSettled(stamp, restoring.clock.now()), child }
  const node = digestOf(encodeDirectory([bytes]))
  commit(restoring.index!().add({ node, isStored: from.path === '', entries: [root] }), basis)
}

/** The target as a directory that is there; in a dry run it need not be. */
function readyTarget(target: string, isDry: boolean): { path: string; exists: boolean } {
  try {
    if (statSync(target, { throwIfNoEntry: false })?.isDirectory() === false) throw isNone(target)
    if (!isDry) makeDirectoriesSync(target)
    return { path: realpathSync(target), exists: true }
  } catch (error) {
    if (error instanceof Fault) throw error
    if (isDry && errno(error) === 'ENOENT') return { path: target, exists: false }
    throw diskFault(error, target, 'make the directory to restore into')
  }
}

function isNone(target: string): Fault {
  return new Fault('invalid', 'there is something else where the directory to restore into should be', {
    at: target,
    hint: 'name a directory; a file of the snapshot is put into it under its own name',
  })
}

function topDirectory(
  restoring: Restoring,
  { entry }: Placed,
  target: { path: string; exists: boolean },
  held: Held | undefined,
): Directory {
  const path = byteText(target.path)
  const top = restoring.known?.top.entries[0]
  const known = top?.child === undefined ? undefined : restoring.known!.directory(top.child)
  const directory: Directory = {
    ...freshState(),
    outer: undefined,
    name: '',
    below: '',
    path,
    entry: entry.kind === 'directory' ? entry : undefined,
    exists: target.exists,
    known: entry.kind === 'directory' ? known : undefined,
    held,
  }
  const live = target.exists ? lookAt(path, rootName, top) : undefined
  if (live !== undefined && entry.kind === 'directory' && restoring.mark !== undefined && hasOtherAttributes(restoring, path, live, entry))
    touch(restoring, directory)
  return directory
}

/** What tells the indexes of one directory apart: of which paths in it. As `create` says it. */
function whatOf({ path, snapshot }: RestoreOptions): string {
  return path === '' ? snapshot.paths.join('\0') : '.'
}

/** Directories that the snapshot has only for the sake of the paths that it is of. */
function passingOf({ path, snapshot }: RestoreOptions): ReadonlySet<ByteText> {
  const outer = snapshot.paths.flatMap((each) => (each === '.' ? [] : directoriesOn(byteText(each))))
  if (path === '') return new Set(outer)
  return new Set(outer.flatMap((each) => (each === path ? [''] : each.startsWith(`${path}/`) ? [each.slice(path.length + 1)] : [])))
}

function markOfRestore({ by, clock }: SnapshotContext, { snapshot, path }: RestoreOptions): Omit<Mark, 'format'> {
  return { snapshot: snapshot.id, path: shownName(path), at: new Date(clock.now()).toISOString(), by }
}

function resultOf(restoring: Restoring, target: string, mark: HeldMark | undefined): Restored {
  const { counts, written, problems, shortfall } = restoring
  return {
    target,
    counts,
    written: written.bytes,
    tookOver: mark?.before,
    problems: { count: problems.count, first: problems.list() },
    omissions: shortfall.omissions(),
  }
}
