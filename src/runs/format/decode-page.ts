import { compareKeys } from '../../kit/index.ts'
import { countOf, digestIn, listOf, membersOf, nameOf, parsePage, textOf, timeOf, tupleOf, wrongPage } from './check.ts'
import { maxFilesOfRun, maxMarks, maxPacks, maxRunsOfShard, maxTags, maxUnreadable } from './limits.ts'
import type { ActiveRow, Mark, PackRow, ProjectRow, RunFile, RunPage, ShardRow, TableRow } from './page.ts'
import { compareRuns, isPackName, isRunKey, isRunPath, type RunKey } from './place.ts'

/**
 * A run page from its plain bytes, which their digest has proven. What a page says is still hostile: every name and path is one that
 * stays below its folder, every number is in its bounds, and lists are in order, or it is `corrupt`. So with the other pages below.
 */
export function decodeRunPage(plain: Uint8Array, at: string): RunPage {
  const page = membersOf(parsePage(plain, at), at)
  const key = { project: nameOf(page['project'], at), name: nameOf(page['name'], at), runId: nameOf(page['run_id'], at) }
  if (!isRunKey(key)) throw wrongPage('names too long for a path', key, at)
  return {
    ...key,
    status: textOf(page['status'], at),
    createdAt: timeOf(page['created_at'], at),
    updatedAt: timeOf(page['updated_at'], at),
    tags: page['tags'] === null ? null : listOf(page['tags'], at, maxTags).map((tag) => textOf(tag, at)),
    files: inOrder(
      listOf(page['files'], at, maxFilesOfRun).map((row) => fileOf(row, key, at)),
      (a, b) => compareKeys(a.path, b.path),
      at,
    ),
    unreadable: listOf(page['unreadable'], at, maxUnreadable).map((row) => {
      const [path, why] = tupleOf(row, at, 2)
      return [textOf(path, at), textOf(why, at)] as const
    }),
    ...(page['lists'] === undefined ? {} : { lists: partOf(page['lists'], at) }),
  }
}

function partOf(lists: unknown, at: string): 'metadata' {
  if (lists === 'metadata') return lists
  throw wrongPage('a part that this version does not know', lists, at)
}

function fileOf(row: unknown, key: RunKey, at: string): RunFile {
  const [path, size, mtime, digest, priority, marks] = tupleOf(row, at, 5, 6)
  if (typeof path !== 'string' || !isRunPath(key, path)) throw wrongPage('a path that a file of a run cannot have', path, at)
  const length = countOf(size, at)
  return {
    path,
    size: length,
    mtime: timeOf(mtime, at),
    digest: digestIn(digest, at),
    priority: countOf(priority, at),
    marks: marks === undefined ? [] : marksOf(marks, length, at),
  }
}

function marksOf(rows: unknown, size: number, at: string): readonly Mark[] {
  const marks = listOf(rows, at, maxMarks).map((row): Mark => {
    const [offset, digest] = tupleOf(row, at, 2)
    const mark = { offset: countOf(offset, at), digest: digestIn(digest, at) }
    if (mark.offset === 0 || mark.offset >= size) throw wrongPage('a mark outside of its file', row, at)
    return mark
  })
  return inOrder(marks, (a, b) => a.offset - b.offset, at)
}

/** `project` is the one whose page led here. */
export function decodeShard(plain: Uint8Array, project: string, at: string): readonly ShardRow[] {
  const rows = listOf(parsePage(plain, at), at, maxRunsOfShard).map((row): ShardRow => {
    const [name, runId, status, createdAt, updatedAt, page, files, bytes] = tupleOf(row, at, 8)
    const run = { name: nameOf(name, at), runId: nameOf(runId, at) }
    if (!isRunKey({ project, ...run })) throw wrongPage('names too long for a path', run, at)
    return {
      ...run,
      status: textOf(status, at),
      createdAt: timeOf(createdAt, at),
      updatedAt: timeOf(updatedAt, at),
      page: digestIn(page, at),
      files: countOf(files, at),
      bytes: countOf(bytes, at),
    }
  })
  return inOrder(rows, compareRuns, at)
}

export function decodeProjectPage(plain: Uint8Array, at: string): readonly ProjectRow[] {
  return listOf(parsePage(plain, at), at).map((row) => {
    const [shard, first, last] = tupleOf(row, at, 3)
    return { shard: digestIn(shard, at), firstRunId: nameOf(first, at), lastRunId: nameOf(last, at) }
  })
}

export function decodeTable(plain: Uint8Array, at: string): readonly TableRow[] {
  const rows = listOf(parsePage(plain, at), at).map((row) => {
    const [project, page, runs, files, bytes] = tupleOf(row, at, 5)
    return {
      project: nameOf(project, at),
      page: digestIn(page, at),
      runs: countOf(runs, at),
      files: countOf(files, at),
      bytes: countOf(bytes, at),
    }
  })
  return inOrder(rows, (a, b) => compareKeys(a.project, b.project), at)
}

export function decodeActivePage(plain: Uint8Array, at: string): readonly ActiveRow[] {
  return listOf(parsePage(plain, at), at).map((row) => {
    const [project, name, runId, page] = tupleOf(row, at, 4)
    const key = { project: nameOf(project, at), name: nameOf(name, at), runId: nameOf(runId, at) }
    if (!isRunKey(key)) throw wrongPage('names too long for a path', key, at)
    return { ...key, page: digestIn(page, at) }
  })
}

export function decodePackTable(plain: Uint8Array, at: string): readonly PackRow[] {
  return listOf(parsePage(plain, at), at, maxPacks).map((row) => {
    const [name, size, indexOffset, indexLength, firstRevision, lastRevision] = tupleOf(row, at, 6)
    const pack = {
      name: textOf(name, at),
      size: countOf(size, at),
      indexOffset: countOf(indexOffset, at),
      indexLength: countOf(indexLength, at),
      firstRevision: countOf(firstRevision, at),
      lastRevision: countOf(lastRevision, at),
    }
    if (!isPackName(pack.name)) throw wrongPage('a name that no pack has', row, at)
    if (pack.indexOffset + pack.indexLength > pack.size) throw wrongPage('an index that does not lie within its pack', row, at)
    if (pack.firstRevision > pack.lastRevision) throw wrongPage('revisions out of order', row, at)
    return pack
  })
}

/** The rows, which are in ascending order, each once. */
function inOrder<T>(rows: readonly T[], compare: (a: T, b: T) => number, at: string): readonly T[] {
  for (let index = 1; index < rows.length; index++) {
    if (compare(rows[index - 1]!, rows[index]!) >= 0) throw wrongPage('rows out of order', rows[index], at)
  }
  return rows
}
