import { createHash } from 'node:crypto'
import { type Digest, digestOf } from '../../kit/index.ts'
import { encodeActivePage, encodeProjectPage, encodeRunPage, encodeShard, encodeTable } from '../format/encode-page.ts'
import { maxRunsOfShard } from '../format/limits.ts'
import type { PageKind } from '../format/log.ts'
import type { ActiveRow, ProjectRow, RunPage, ShardRow, TableRow } from '../format/page.ts'
import { type Catalogue, detailOfRun, extraOfFile, filesOfRun, keyOfRun } from './catalogue.ts'
import { digestAt } from './columns.ts'
import { digestText } from './digest-text.ts'
import { priorityOf } from '../format/kinds.ts'

/** A page that may have to be written. */
export interface Page {
  readonly kind: PageKind
  readonly plain: Uint8Array
  readonly digest: Digest
}

export function pageOf(kind: PageKind, plain: Uint8Array): Page {
  return { kind, plain, digest: digestOf(plain) }
}

export function runPage(catalogue: Catalogue, run: number): Page {
  const { status, tags, unreadable, lists } = detailOfRun(catalogue, run)
  const { path, size, mtime } = catalogue.files.columns
  const [start, end] = filesOfRun(catalogue, run)
  const page: RunPage = {
    ...keyOfRun(catalogue, run),
    ...timesOf(catalogue, run),
    status,
    tags,
    unreadable,
    lists,
    files: Array.from({ length: end - start }, (_, index) => {
      const file = start + index
      const name = catalogue.texts.at(path[file]!)
      return {
        path: name,
        size: size[file]!,
        mtime: Math.floor(mtime[file]!),
        digest: digestText(digestAt(catalogue.files, file)),
        priority: priorityOf(name),
        marks: extraOfFile(catalogue, file).marks,
      }
    }),
  }
  return pageOf('run', encodeRunPage(page))
}

function timesOf({ runs: { columns } }: Catalogue, run: number): { createdAt: number; updatedAt: number } {
  return { createdAt: Math.round(columns.created[run]! * 1000), updatedAt: Math.floor(columns.newest[run]!) }
}

/** The pages above those of runs, the table last. The runs' own digests are in the catalogue. */
export interface Tree {
  readonly pages: readonly Page[]
  readonly table: Digest
  readonly totals: { readonly runs: number; readonly files: number; readonly bytes: number }
}

export function buildTree(catalogue: Catalogue): Tree {
  const pages: Page[] = []
  const table: TableRow[] = []
  for (const [project, rows] of projectsOf(catalogue)) {
    const shards = cutShards(rows).map((shard): ProjectRow => {
      const page = pageOf('shard', encodeShard(shard))
      pages.push(page)
      return { shard: page.digest, firstRunId: shard[0]!.runId, lastRunId: shard.at(-1)!.runId }
    })
    const page = pageOf('project', encodeProjectPage(shards))
    pages.push(page)
    table.push({ project, page: page.digest, runs: rows.length, files: sumOf(rows, 'files'), bytes: sumOf(rows, 'bytes') })
  }
  const top = pageOf('table', encodeTable(table))
  return {
    pages: [...pages, top],
    table: top.digest,
    totals: { runs: sumOf(table, 'runs'), files: sumOf(table, 'files'), bytes: sumOf(table, 'bytes') },
  }
}

function projectsOf(catalogue: Catalogue): Map<string, ShardRow[]> {
  const { runs } = catalogue
  const projects = new Map<string, ShardRow[]>()
  for (let run = 0; run < runs.length; run++) {
    const { project, name, runId } = keyOfRun(catalogue, run)
    const rows = projects.get(project) ?? []
    projects.set(project, rows)
    rows.push({
      name,
      runId,
      status: detailOfRun(catalogue, run).status,
      ...timesOf(catalogue, run),
      page: digestText(digestAt(runs, run)),
      files: runs.columns.files[run]!,
      bytes: runs.columns.bytes[run]!,
    })
  }
  return projects
}

/** Cut by what runs are called, so that one more run changes one shard, wherever it comes. */
function cutShards(rows: readonly ShardRow[]): ShardRow[][] {
  const shards: ShardRow[][] = []
  let shard: ShardRow[] = []
  for (const row of rows) {
    shard.push(row)
    if (!endsShard(row.runId) && shard.length < maxRunsOfShard) continue
    shards.push(shard)
    shard = []
  }
  return shard.length === 0 ? shards : [...shards, shard]
}

function endsShard(runId: string): boolean {
  return (createHash('sha256').update(runId).digest()[0]! & 63) === 0
}

function sumOf<K extends string>(rows: readonly Readonly<Record<K, number>>[], name: K): number {
  return rows.reduce((sum, row) => sum + row[name], 0)
}

/** The runs whose newest file is not older than so many seconds. */
export function activeRuns({ runs }: Catalogue, window: number, now: number): readonly number[] {
  const active: number[] = []
  for (let run = 0; run < runs.length; run++) if (runs.columns.newest[run]! >= now - window * 1000) active.push(run)
  return active
}

export function activePage(catalogue: Catalogue, active: readonly number[]): Page {
  const rows = active.map((run): ActiveRow => ({ ...keyOfRun(catalogue, run), page: digestText(digestAt(catalogue.runs, run)) }))
  return pageOf('active', encodeActivePage(rows))
}
