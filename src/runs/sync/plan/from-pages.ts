import { type Digest, Fault } from '../../../kit/index.ts'
import { isListed } from '../../format/kinds.ts'
import { decodeActivePage, decodeProjectPage, decodeRunPage, decodeShard, decodeTable } from '../../format/decode-page.ts'
import type { RunPage, ShardRow } from '../../format/page.ts'
import type { RunKey } from '../../format/place.ts'
import type { Root } from '../../format/root.ts'
import { pageAt } from '../source/read-pages.ts'
import type { State } from '../state/state.ts'
import type { Planner, SourceRun } from './planner.ts'
import { isMeant, type Selection } from './selection.ts'

/** A run as the pages above its own tell of it. */
export type ListedRun = RunKey & Pick<ShardRow, 'page'> & Partial<Omit<ShardRow, 'page' | 'name' | 'runId'>>

/** Plans every run that is meant, from pages that are all here. How many runs that were. */
export async function planFromPages(state: State, root: Root, selection: Selection, planner: Planner): Promise<number> {
  let count = 0
  for (const listed of runsInPages(state, root, selection)) {
    count++
    await planner.run(sourceRun(state, listed))
  }
  return count
}

/** The runs that are meant, without a look at their own pages where those above tell enough. */
export function* runsInPages(state: State, root: Root, selection: Selection): Generator<ListedRun> {
  for (const listed of selection.active === true ? activeRuns(state, root) : allRuns(state, root, selection.project)) {
    const status = listed.status ?? (selection.status === undefined ? undefined : readRunPage(state, listed).status)
    if (isMeant(selection, listed, status)) yield listed
  }
}

function* activeRuns(state: State, root: Root): Generator<ListedRun> {
  yield* decodeActivePage(pageAt(state, root.active.digest), `the page ${root.active.digest}`)
}

function* allRuns(state: State, root: Root, only: string | undefined): Generator<ListedRun> {
  const open = opener(state)
  for (const { project, page } of open(root.full.digest, decodeTable)) {
    if (only !== undefined && project !== only) continue
    for (const { shard } of open(page, decodeProjectPage)) {
      for (const row of open(shard, (plain, at) => decodeShard(plain, project, at))) yield { ...row, project }
    }
  }
}

export function readRunPage(state: State, listed: Pick<ListedRun, keyof RunKey | 'page'>): RunPage {
  const page = decodeRunPage(pageAt(state, listed.page), `the page ${listed.page}`)
  if (page.project === listed.project && page.name === listed.name && page.runId === listed.runId) return page
  throw new Fault('corrupt', `the page of the run ${listed.runId} is of another run`, { at: `the page ${listed.page}` })
}

function sourceRun(state: State, listed: ListedRun): SourceRun {
  const { project, name, runId } = listed
  let page: RunPage | undefined
  const read = () => (page ??= readRunPage(state, listed))
  return {
    project,
    name,
    runId,
    mark: listed.page,
    get lists() {
      return read().lists === 'metadata' ? isListed : undefined
    },
    files: () => read().files.map((file) => ({ ...file, modified: file.mtime })),
    get unreadable() {
      return read().unreadable.map(([path]) => path)
    },
  }
}

/** Every page that a root reaches: all others can go. */
export function* pagesOf(state: State, root: Root): Generator<Digest> {
  yield root.full.digest
  yield root.active.digest
  yield root.packs.digest
  const open = opener(state)
  for (const { project, page } of open(root.full.digest, decodeTable)) {
    yield page
    for (const { shard } of open(page, decodeProjectPage)) {
      yield shard
      for (const row of open(shard, (plain, at) => decodeShard(plain, project, at))) yield row.page
    }
  }
}

function opener(state: State): <T>(digest: Digest, decode: (plain: Uint8Array, at: string) => T) => T {
  return (digest, decode) => decode(pageAt(state, digest), `the page ${digest}`)
}
