import { byteText } from './text.ts'
import type { ActiveRow, PackRow, ProjectRow, RunFile, RunPage, ShardRow, TableRow } from './page.ts'

/** The plain bytes of pages: canonical JSON, so that the same content has the same digest. */
export function encodeRunPage(page: RunPage): Uint8Array {
  // Keys in byte order.
  return byteText({
    created_at: page.createdAt,
    files: page.files.map(fileTuple),
    ...(page.lists === undefined ? {} : { lists: page.lists }),
    name: page.name,
    project: page.project,
    run_id: page.runId,
    status: page.status,
    tags: page.tags,
    unreadable: page.unreadable,
    updated_at: page.updatedAt,
  })
}

function fileTuple({ path, size, mtime, digest, priority, marks }: RunFile): unknown[] {
  const tuple = [path, size, mtime, digest, priority]
  return marks.length === 0 ? tuple : [...tuple, marks.map((mark) => [mark.offset, mark.digest])]
}

export function encodeShard(rows: readonly ShardRow[]): Uint8Array {
  return byteText(rows.map((row) => [row.name, row.runId, row.status, row.createdAt, row.updatedAt, row.page, row.files, row.bytes]))
}

export function encodeProjectPage(rows: readonly ProjectRow[]): Uint8Array {
  return byteText(rows.map((row) => [row.shard, row.firstRunId, row.lastRunId]))
}

export function encodeTable(rows: readonly TableRow[]): Uint8Array {
  return byteText(rows.map((row) => [row.project, row.page, row.runs, row.files, row.bytes]))
}

export function encodeActivePage(rows: readonly ActiveRow[]): Uint8Array {
  return byteText(rows.map((row) => [row.project, row.name, row.runId, row.page]))
}

export function encodePackTable(rows: readonly PackRow[]): Uint8Array {
  return byteText(rows.map((row) => [row.name, row.size, row.indexOffset, row.indexLength, row.firstRevision, row.lastRevision]))
}
