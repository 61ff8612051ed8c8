import { setImmediate as turn } from 'node:timers/promises'
import { type Digest, Fault, isFault, throwIfAborted } from '../../../kit/index.ts'
import type { Mark } from '../../format/page.ts'
import { isRunKey, type RunKey, runFolder } from '../../format/place.ts'
import type { Seen, TargetFolder } from '../local/folder.ts'
import { hashFile, hashPrefixes } from '../local/hash.ts'
import { checkRunFile } from '../local/key.ts'
import type { KnownFile } from '../state/files.ts'
import type { State } from '../state/state.ts'

/** A file as a source tells of it. */
export interface SourceFile {
  /** Below the run's folder. */
  readonly path: string
  readonly size: number
  /** Milliseconds since 1970. */
  readonly modified: number
  /** Undefined where the source tells none. */
  readonly digest?: Digest | undefined
  readonly priority?: number | undefined
  readonly marks?: readonly Mark[] | undefined
  readonly isAppended?: boolean | undefined
  readonly tailHash?: string | undefined
  /** The time is too fresh to tell this state from a later one. */
  readonly isFresh?: boolean | undefined
}

export interface SourceRun extends RunKey {
  /** What its state is called: a run with the same mark is as it was. Undefined where the source has no such word. */
  readonly mark: string | undefined
  files(): Iterable<SourceFile>
  /** What is there and could not be listed: it is not taken for gone. */
  readonly unreadable?: readonly string[] | undefined
  /** Which paths the source lists at all: only of those a file that it does not name is gone. All of them unless told. */
  readonly lists?: ((path: string) => boolean) | undefined
}

export interface Counted {
  runs: number
  unchanged: number
  /** Found here as they are wanted, though no sync had written them. */
  adopted: number
}

export interface PlannerOptions {
  readonly state: State
  readonly folder: TargetFolder
  readonly force: boolean
  readonly signal: AbortSignal | undefined
}

/** Writes down what is to be done for each run that the source shows. */
export interface Planner {
  readonly counted: Counted
  run(run: SourceRun): Promise<void>
}

const runsBetweenTurns = 64

export function newPlanner(options: PlannerOptions): Planner {
  const counted: Counted = { runs: 0, unchanged: 0, adopted: 0 }
  const { state } = options
  return {
    counted,
    async run(run) {
      // Signals get a turn, and memory that libraries hold is given back.
      if (counted.runs++ % runsBetweenTurns === 0) await turn()
      throwIfAborted(options.signal)
      if (!isRunKey(run))
        return state.plan.refuse(0, { key: runFolder(run), code: 'invalid', reason: 'its names cannot be those of folders' })
      const known = state.files.findRun(run)
      if (known !== undefined) state.plan.see(known.id)
      if (known?.mark !== undefined && known.mark === run.mark) return
      await planRun(options, counted, run)
    },
  }
}

async function planRun(options: PlannerOptions, counted: Counted, run: SourceRun): Promise<void> {
  const { files, plan } = options.state
  const id = files.runOf(run)
  plan.see(id)
  // What comes may replace what the mark stood for.
  files.setMark(id, undefined)
  plan.addRun(id, run.mark)
  const left = new Map<string, KnownFile>()
  for (const file of files.ofRun(id)) left.set(file.path, file)
  for (const file of run.files()) {
    const known = left.get(file.path)
    left.delete(file.path)
    const outcome = await planFile(options, { run, id, file, known })
    if (outcome === 'unchanged') counted.unchanged++
    if (outcome === 'adopted') counted.adopted++
  }
  const unreadable = run.unreadable ?? []
  for (const file of left.values()) {
    const isUnknown = run.lists?.(file.path) === false
    const isKept = isUnknown || unreadable.some((path) => file.path === path || file.path.startsWith(`${path}/`))
    if (file.isGone === isKept) files.setGone(file, !isKept)
  }
}

interface Planning {
  readonly run: SourceRun
  readonly id: number
  readonly file: SourceFile
  readonly known: KnownFile | undefined
}

async function planFile(options: PlannerOptions, planning: Planning): Promise<'unchanged' | 'adopted' | 'wanted' | 'refused'> {
  const { state, folder, force } = options
  const { run, id, file, known } = planning
  const key = `${runFolder(run)}/${file.path}`
  try {
    checkRunFile(run, file.path)
    if (known?.isGone === true) state.files.setGone(known, false)
    if (known?.state === 'ok' && isSame(known, file)) return 'unchanged'
    if (known?.state === 'edited' && !force) throw editedHere()
    const seen = folder.look(key)
    if (seen !== undefined && known === undefined) {
      if (await adopt(options, planning, key, seen)) return 'adopted'
      if (!force) throw notOurs()
    }
    const { start, before } = known?.state === 'ok' && seen !== undefined ? await commonStart(options, key, file, known) : fromNothing
    state.plan.want({
      run: id,
      path: file.path,
      key,
      size: file.size,
      digest: file.digest,
      modified: file.modified,
      priority: file.priority ?? 0,
      start,
      before,
      facts: seen?.facts,
      hint: hintOf(file),
      isAppended: file.isAppended === true || (file.marks ?? []).length > 0,
      tailHash: file.tailHash,
    })
    return 'wanted'
  } catch (error) {
    if (!isFault(error) || error.code === 'bug' || error.code === 'aborted') throw error
    state.plan.refuse(id, { key, code: error.code, reason: error.message })
    return 'refused'
  }
}

const fromNothing = { start: 0, before: undefined }

function isSame(known: KnownFile, file: SourceFile): boolean {
  if (file.digest !== undefined) return known.digest === file.digest && known.size === file.size
  return known.size === file.size && isSameHint(known.hint, hintOf(file))
}

/** Size and time, where the time tells anything. */
export function hintOf({ size, modified, isFresh }: Pick<SourceFile, 'size' | 'modified' | 'isFresh'>): string | undefined {
  return isFresh === true ? undefined : `${size}:${Math.round(modified)}`
}

/** Equal, also where one of both counts in whole seconds. */
export function isSameHint(a: string | undefined, b: string | undefined): boolean {
  if (a === undefined || b === undefined) return false
  if (a === b) return true
  const [sizeA, timeA] = a.split(':').map(Number)
  const [sizeB, timeB] = b.split(':').map(Number)
  if (sizeA !== sizeB || (timeA! % 1000 !== 0 && timeB! % 1000 !== 0)) return false
  return Math.floor(timeA! / 1000) === Math.floor(timeB! / 1000)
}

/** A file that stands where one is wanted, and is that one. Without a digest, size and time must say so. */
async function adopt({ state, folder, signal }: PlannerOptions, { id, file }: Planning, key: string, seen: Seen): Promise<boolean> {
  if (seen.size !== file.size) return false
  const hint = hintOf(file)
  if (file.digest === undefined && !isSameHint(hint, `${seen.size}:${Math.round(seen.modified)}`)) return false
  const digest = await hashFile(folder.pathOf(key), seen.size, signal)
  if (digest === undefined || (file.digest !== undefined && digest !== file.digest)) return false
  state.files.put({ run: id, path: file.path, size: file.size, digest, hint, facts: seen.facts, state: 'ok', isGone: false })
  return true
}

/**
 * How much of the file is here already. With digests that is proven by a mark: the one of the size that was last synced, or, where the
 * source has thinned it out, the longest whose digest the bytes here have. Without, it is a guess that is proven when bytes arrive.
 */
async function commonStart(
  { folder, signal }: PlannerOptions,
  key: string,
  file: SourceFile,
  known: KnownFile,
): Promise<{ start: number; before: Digest | undefined }> {
  if (file.digest === undefined) {
    const grew = file.isAppended === true && known.size > 0 && file.size > known.size
    return grew ? { start: known.size, before: known.digest } : fromNothing
  }
  const marks = (file.marks ?? []).filter(({ offset }) => offset <= known.size && offset < file.size)
  const exact = marks.find(({ offset }) => offset === known.size)
  if (exact !== undefined) return exact.digest === known.digest ? { start: known.size, before: known.digest } : fromNothing
  if (marks.length === 0) return fromNothing
  const prefixes = await hashPrefixes(
    folder.pathOf(key),
    marks.map(({ offset }) => offset),
    signal,
  )
  const right = prefixes.findLast((prefix, index) => prefix.digest === marks[index]!.digest)
  return right === undefined ? fromNothing : { start: right.offset, before: right.digest }
}

function editedHere(): Fault {
  return new Fault('already-exists', 'it was edited here, and is left as it is', { hint: 'move it away, or sync with --force' })
}

function notOurs(): Fault {
  return new Fault('already-exists', 'another file stands here that no sync wrote, and it is left as it is', {
    hint: 'move it away, or sync with --force',
  })
}
