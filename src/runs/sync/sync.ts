import { setFlagsFromString } from 'node:v8'
import { type Clock, Fault, type Report, throwIfAborted } from '../../kit/index.ts'
import type { ObjectStore } from '../../store/index.ts'
import { checkChosen } from './chosen.ts'
import { fetchFromFiles } from './fetch/from-files.ts'
import { fetchFromPacks } from './fetch/from-packs.ts'
import type { Fetching } from './fetch/fetching.ts'
import { openTargetFolder, type TargetFolder } from './local/folder.ts'
import { openLanding } from './local/landing.ts'
import { lookOver } from './local/look-over.ts'
import { openParts, type Parts } from './local/part.ts'
import { recover } from './local/recover.ts'
import { type Counted, newPlanner } from './plan/planner.ts'
import type { Selection } from './plan/selection.ts'
import { goneKeys, removeGone } from './remove.ts'
import { type FellBack, mostTold, type SyncStats, type Way } from './report.ts'
import { beginRoot } from './source/read-pages.ts'
import { goWays, openSource, type Source } from './source/source.ts'
import type { Wanted } from './state/plan.ts'
import { openState, type State } from './state/state.ts'
import { type Look, type Planned, waysOf } from './ways.ts'

export interface SyncOptions {
  /** Where the runs are; never written to. */
  readonly source: ObjectStore
  /** What the folder remembers its source by; the store's name unless told. */
  readonly url?: string | undefined
  /** The folder that becomes like it; made where it is missing. */
  readonly folder: string
  readonly selection?: Selection | undefined
  /** The ways that may be gone, in their order; all of them unless told. */
  readonly ways?: readonly Way[] | undefined
  /** Overwrite what was edited here. */
  readonly force?: boolean | undefined
  /** Remove what the source does not have any more; asked before, with how many files that are and the first of them. */
  readonly remove?: ((count: number, first: readonly string[]) => Promise<boolean>) | undefined
  /** Told after each file. */
  readonly onFile?: ((completed: number, total: number, file: string) => void) | undefined
  readonly clock: Clock
  readonly report: Report
  readonly signal?: AbortSignal | undefined
}

/** What would be done, without doing it. */
export interface Preview extends SyncStats {
  readonly wanted: { readonly count: number; readonly bytes: number; readonly first: readonly Pick<Wanted, 'key' | 'size' | 'start'>[] }
  /** What the source does not have any more, and a sync that removes would remove. */
  readonly gone: { readonly count: number; readonly first: readonly string[] }
}

/**
 * Makes the folder what the source has: what changed is fetched, proven and put in place; the cursor moves when that is durable.
 * Killed at any moment, the next sync finishes it. What fails is told in the stats and is tried again by every next sync. A first sync that
 * brings nothing and throws leaves nothing behind.
 *
 * Throws `busy` where another sync of the folder runs, `invalid` where the folder belongs to another source or nothing is selected
 * by `run`, and whatever the source's last way throws.
 */
export async function syncRuns(options: SyncOptions): Promise<SyncStats> {
  // What is made for a file is dropped with it: room for more of that than there is now would only be memory, a third of all.
  setFlagsFromString('--semi-space-growth-factor=1')
  const source = beginSource(options)
  const state = openState(options.folder, 'make')
  let isDone = false
  try {
    bindSource(state, options)
    const job = openJob(options, source, state)
    const recovered = await recover(state, job.folder, options.signal)
    const stats = await carryOut(job, openParts(job.folder.partial), recovered)
    isDone = true
    return stats
  } finally {
    if (isDone) state.close()
    else state.abandon()
  }
}

/** What `syncRuns` would do now. Nothing is changed, neither in the folder nor in what is remembered of it. */
export async function previewSync(options: SyncOptions): Promise<Preview> {
  const source = beginSource(options)
  const state = openState(options.folder, 'if-there')
  try {
    const job = openJob(options, source, state)
    return await state.during(async () => {
      bindSource(state, options)
      const found = await findOut(job)
      await found.look.close()
      const { count, first } = { count: state.plan.totals().files, first: state.plan.sample(mostTold) }
      const gone = goneKeys(state, job.selection)
      return { ...statsOf(job, found, 0), wanted: { count, bytes: state.plan.totals().bytes, first }, gone }
    }, true)
  } finally {
    state.close()
  }
}

interface Job {
  readonly options: SyncOptions
  readonly state: State
  readonly source: Source
  readonly folder: TargetFolder
  readonly selection: Selection
  readonly done: { files: number; appended: number; bytes: number; deleted: number }
}

/** The first way's first question is on its way while the folder is looked at. */
function beginSource(options: SyncOptions): Source {
  const source = openSource(options.source, options)
  if (options.ways === undefined || options.ways[0] === 'pages') beginRoot(source)
  return source
}

function openJob(options: SyncOptions, source: Source, state: State): Job {
  return {
    options,
    state,
    source,
    folder: openTargetFolder(options.folder),
    selection: options.selection ?? {},
    done: { files: 0, appended: 0, bytes: 0, deleted: 0 },
  }
}

/** A folder is the image of one source, from the first file that came from there. */
function bindSource(state: State, { source, url = source.name, folder, force }: SyncOptions): void {
  const before = state.meta('source')
  if (before === url) return
  if (before !== undefined && force !== true && state.files.count().files > 0) {
    throw new Fault('invalid', `${folder} was synced from ${before}, and not from ${url}`, {
      hint: 'sync into another folder, or use --force where both are the same place',
    })
  }
  state.transaction(() => {
    state.setMeta('source', url)
    state.pages.setLog(undefined)
    state.dropCursors()
  })
}

interface Found {
  readonly look: Look
  readonly fellBack: readonly FellBack[]
  /** Undefined where nothing is new. */
  readonly planned: Planned | undefined
  readonly counted: Counted
}

async function carryOut(job: Job, parts: Parts, recovered: number): Promise<SyncStats> {
  const { state, options } = job
  const found = await findOut(job)
  try {
    const { planned } = found
    if (planned !== undefined) await fetchAll(job, parts, planned)
    if (planned !== undefined) remember(job, found, planned)
    if (options.remove !== undefined) await remove(job, options.remove)
    parts.sweep(state.plan.unfinished())
    return statsOf(job, found, recovered)
  } finally {
    await found.look.close()
  }
}

/** Goes the first way that can be gone, up to a plan. */
async function findOut(job: Job): Promise<Found> {
  const { options, state, source, folder, selection } = job
  const different = await lookOver(state, folder, options.signal)
  const { fellBack, result } = await goWays(options, async (way): Promise<Omit<Found, 'fellBack'>> => {
    throwIfAborted(options.signal)
    state.plan.begin()
    const planner = newPlanner({ state, folder, force: options.force === true, signal: options.signal })
    const look = await waysOf[way]({ source, state, selection })
    try {
      const isNothingNew = look.mark !== undefined && state.cursor(look.scope) === look.mark
      if (isNothingNew && different === 0 && state.journal.pending(0).count === 0) {
        return { look, planned: undefined, counted: planner.counted }
      }
      forgetCursors(state, look)
      const planned = await look.plan(planner)
      checkChosen(job, planned)
      markGone(state, selection, planned)
      return { look, planned, counted: planner.counted }
    } catch (error) {
      await look.close()
      throw error
    }
  })
  return { ...result, fellBack }
}

/**
 * From here on the folder may become what no cursor stands for, until all is done: a way without digests can even put a wrong file over a
 * right one. Killed in between, the next sync looks at all. Marks of runs go with what is planned for them.
 */
function forgetCursors(state: State, { way, scope }: Look): void {
  state.transaction(() => {
    state.dropCursors(way)
    state.setCursor(scope, undefined)
  })
}

/** What the source does not show any more is known as such, whether it is removed or kept. */
function markGone(state: State, { project }: Selection, { isAll }: Planned): void {
  if (!isAll) return
  state.transaction(() => {
    for (const run of state.plan.absentRuns(project)) {
      for (const file of state.files.ofRun(run)) if (!file.isGone) state.files.setGone(file, true)
      state.files.setMark(run, undefined)
    }
  })
}

async function fetchAll(job: Job, parts: Parts, planned: Planned): Promise<void> {
  const { state, source, folder, options, done } = job
  const total = state.plan.totals()
  if (total.files === 0) return
  const { report } = options
  const stopping = options.signal ?? new AbortController().signal
  report({ kind: 'begin', task, items: total.files, bytes: total.bytes })
  const failed = failing(state)
  const landing = openLanding({
    state,
    folder,
    parts,
    onLanded({ wanted, start, size }, fault) {
      if (fault !== undefined) return failed(wanted, fault)
      done.files++
      if (start > 0) done.appended++
      done.bytes += size - start
      report({ kind: 'advance', task, items: 1, bytes: size - start })
      options.onFile?.(done.files, total.files, wanted.key)
    },
  })
  const fetching: Fetching = { source, state, folder, parts, landing, signal: stopping, failed }
  try {
    if (planned.packs !== undefined) await fetchFromPacks(fetching, planned.packs.root, planned.packs.newest)
    await fetchFromFiles(fetching)
  } catch (error) {
    // What is proven is put in place also where the rest cannot be had.
    landing.flush()
    throw error
  } finally {
    report({ kind: 'end', task })
  }
}

const task = 'sync'
/** So many files in a row that fail for want of the place itself: then the others would too. */
const mostUnavailable = 8

function failing(state: State): (wanted: Wanted, fault: Fault) => void {
  let inRow = 0
  return (wanted, fault) => {
    if (fault.code === 'bug' || fault.code === 'aborted') throw fault
    inRow = fault.code === 'unavailable' || fault.code === 'busy' ? inRow + 1 : 0
    if (inRow >= mostUnavailable) throw fault
    state.plan.fail(wanted.id, fault.code, fault.message)
  }
}

/** Moves the cursor: everything that it stands for is durable, or is among what failed. */
function remember({ state, options }: Job, { look }: Found, planned: Planned): void {
  state.transaction(() => {
    state.plan.markRuns()
    state.journal.keepFailures(options.clock.now())
    if (planned.mark !== undefined) state.setCursor(look.scope, planned.mark)
    if (planned.pages !== undefined) state.pages.keepOnly(planned.pages())
  })
}

async function remove(job: Job, agree: NonNullable<SyncOptions['remove']>): Promise<void> {
  const { state, options } = job
  job.done.deleted = await removeGone({ ...job, force: options.force === true, signal: options.signal }, agree)
  state.transaction(() => state.journal.keepFailures(options.clock.now()))
}

function statsOf({ state, source, done }: Job, { look, fellBack, planned, counted }: Found, recovered: number): SyncStats {
  const failures = state.plan.failures(mostTold)
  const used = source.used()
  // What was fetched only to be seen to be the same counts as nothing.
  const isSkipped = done.files + done.deleted + failures.count === 0 && state.plan.isDone()
  return {
    skipped: isSkipped,
    reason: isSkipped ? (planned === undefined ? 'nothing is new at the source' : 'everything is here as it is at the source') : undefined,
    way: look.way,
    fellBack,
    ...(planned?.facts ?? look.facts),
    runs: planned?.count ?? 0,
    filesSynced: done.files,
    filesAppended: done.appended,
    filesAdopted: counted.adopted,
    filesDeleted: done.deleted,
    filesKept: state.files.count().gone,
    bytesWritten: done.bytes,
    bytesDownloaded: used.bytes,
    operations: used.operations,
    filesOpened: used.opened,
    recovered,
    failures,
  }
}
