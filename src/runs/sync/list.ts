import type { Clock, Report } from '../../kit/index.ts'
import type { ObjectStore } from '../../store/index.ts'
import type { RunKey } from '../format/place.ts'
import { type ListedRun, readRunPage, runsInPages } from './plan/from-pages.ts'
import { isMeant, type Selection } from './plan/selection.ts'
import { findManifest, readManifest } from './source/manifest-1.ts'
import { bringAllPages, bringPages, MissingPage, readRoot } from './source/read-pages.ts'
import { goWays, openSource, type Source } from './source/source.ts'
import { readStatus, walkRuns } from './source/walk.ts'
import type { FellBack, Way } from './report.ts'
import { openState, type State } from './state/state.ts'

/** A run at the source. Times in milliseconds since 1970; undefined where the way does not tell. */
export interface RunAtSource extends RunKey {
  readonly status: string | undefined
  readonly created: number | undefined
  readonly updated: number | undefined
  readonly files: number
  readonly bytes: number
  /** Whether the folder has all of it, an earlier state, some state (where the way cannot tell which), or nothing. */
  readonly here: 'synced' | 'behind' | 'present' | 'absent'
}

export interface RunList {
  readonly way: Way
  readonly fellBack: readonly FellBack[]
  /** When the list was made at the source. */
  readonly generated: number | undefined
  readonly runs: readonly RunAtSource[]
}

export interface ListRunsOptions {
  readonly source: ObjectStore
  /** Where runs may have been synced to. */
  readonly folder: string
  readonly selection?: Selection | undefined
  readonly ways?: readonly Way[] | undefined
  readonly clock: Clock
  readonly report: Report
  readonly signal?: AbortSignal | undefined
}

interface Listing extends Pick<RunList, 'generated' | 'runs'> {}

/** The runs of a source, newest first. Nothing is written, neither there nor here. */
export async function listRuns(options: ListRunsOptions): Promise<RunList> {
  const state = openState(options.folder, 'if-there')
  try {
    const source = openSource(options.source, options)
    const { selection = {} } = options
    const lists: Record<Way, () => Promise<Listing>> = {
      pages: () => listPages(source, state, selection),
      manifest: () => listManifest(source, state, selection),
      walk: () => listWalk(source, state, selection),
    }
    const { way, fellBack, result } = await state.during(async () => await goWays(options, (each) => lists[each]()), true)
    const runs = result.runs.toSorted((a, b) => (b.updated ?? 0) - (a.updated ?? 0) || (a.runId < b.runId ? 1 : -1))
    return { way, fellBack, generated: result.generated, runs }
  } finally {
    state.close()
  }
}

async function listPages(source: Source, state: State, selection: Selection): Promise<Listing> {
  const root = await bringPages(source, state, await readRoot(source))
  const list = () => Array.from(runsInPages(state, root, selection), (listed) => pagedRun(state, listed))
  try {
    return { generated: root.generated, runs: list() }
  } catch (error) {
    if (!(error instanceof MissingPage)) throw error
    await bringAllPages(source, state, root)
    return { generated: root.generated, runs: list() }
  }
}

function pagedRun(state: State, listed: ListedRun): RunAtSource {
  const { project, name, runId, page } = listed
  const here = hereOf(state, listed, page)
  const { status, createdAt: created, updatedAt: updated, files, bytes } = listed
  if (files !== undefined && bytes !== undefined) return { project, name, runId, status, created, updated, files, bytes, here }
  // The list of active runs has no more than their names.
  const run = readRunPage(state, listed)
  const size = run.files.reduce((sum, file) => sum + file.size, 0)
  return {
    project,
    name,
    runId,
    status: run.status,
    created: run.createdAt,
    updated: run.updatedAt,
    files: run.files.length,
    bytes: size,
    here,
  }
}

async function listManifest(source: Source, state: State, selection: Selection): Promise<Listing> {
  const found = await findManifest(source, selection.active === true)
  const runs: RunAtSource[] = []
  const { generated } = await readManifest(source, found, async (run) => {
    if (!isMeant(selection, run, run.status ?? 'unknown')) return
    const { project, name, runId, status, created, updated, fileCount: files, bytes } = run
    runs.push({ project, name, runId, status, created, updated, files, bytes, here: hereOf(state, run, run.mark) })
  })
  return { generated, runs }
}

async function listWalk(source: Source, state: State, selection: Selection): Promise<Listing> {
  const runs: RunAtSource[] = []
  for await (const run of walkRuns(source, state)) {
    if (!isMeant(selection, run, undefined)) continue
    const status = await readStatus(source, run)
    if (selection.status !== undefined && status !== selection.status) continue
    const { project, name, runId, updated, fileCount: files, bytes } = run
    runs.push({ project, name, runId, status, created: undefined, updated, files, bytes, here: hereOf(state, run, undefined) })
  }
  return { generated: undefined, runs }
}

function hereOf({ files }: State, run: RunKey, mark: string | undefined): RunAtSource['here'] {
  const known = files.findRun(run)
  if (known === undefined) return 'absent'
  if (mark === undefined) return 'present'
  return known.mark === mark ? 'synced' : 'behind'
}
