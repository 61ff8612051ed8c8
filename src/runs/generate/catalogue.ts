import type { Mark } from '../format/page.ts'
import type { RunKey } from '../format/place.ts'
import { copyRows, createTable, type Table } from './columns.ts'

/**
 * All that a generation knows: the runs in the order of their pages, with their files and directories, and the directories above them.
 * Texts are numbers of the list of texts.
 */
export interface Catalogue {
  readonly texts: Texts
  readonly runs: Table<RunColumn>
  readonly files: Table<FileColumn>
  readonly dirs: Table<DirColumn>
  readonly tops: Table<TopColumn>
}

/**
 * `detail` is the text of a RunDetail; `created` and `newest` are seconds and milliseconds since 1970; `record` the bytes of the run's
 * record in the log, 0 where it has none there; `trouble` 1 where something could not be read. The digest is the page's.
 */
export type RunColumn =
  | 'project'
  | 'name'
  | 'runId'
  | 'detail'
  | 'firstFile'
  | 'files'
  | 'firstDir'
  | 'dirs'
  | 'created'
  | 'newest'
  | 'bytes'
  | 'record'
  | 'trouble'

/**
 * What told that a file is still the one that was hashed, and the digest. `settled` 1: a later change would surely show; `packed` 1: its
 * content is in packs from the first byte; `extra` the text of a FileExtra, or 0.
 */
export type FileColumn = 'path' | 'size' | 'mtime' | 'ctime' | 'ino' | 'settled' | 'packed' | 'extra'

export type DirColumn = 'path' | 'mtime' | 'ctime' | 'ino' | 'settled'

/** Level 0 is the root, 1 a project, 2 a name, with the facts of its folder `runs`, 0 where it has none; those within follow it. */
export type TopColumn = 'level' | 'name' | 'mtime' | 'ctime' | 'ino' | 'settled'

export interface RunDetail {
  readonly status: string
  readonly tags: readonly string[] | null
  /** Seconds since 1970, where the run's files say it. */
  readonly created?: number | undefined
  readonly unreadable: readonly (readonly [path: string, why: string])[]
  readonly lists?: 'metadata' | undefined
}

export interface FileExtra {
  /** MD5 of the last bytes, in hex, of a file that is appended to. */
  readonly tail?: string | undefined
  readonly marks: readonly Mark[]
}

/** Texts with numbers; 0 is the empty one. */
export interface Texts {
  readonly list: readonly string[]
  numberOf(text: string): number
  at(number: number): string
}

export function createTexts(first: readonly string[] = ['']): Texts {
  const list = [...first]
  let numbers: Map<string, number> | undefined
  return {
    list,
    numberOf(text) {
      numbers ??= new Map(list.map((each, index) => [each, index]))
      const known = numbers.get(text)
      if (known !== undefined) return known
      numbers.set(text, list.length)
      return list.push(text) - 1
    },
    at: (number) => list[number]!,
  }
}

export function createCatalogue(texts: Texts = createTexts()): Catalogue {
  return {
    texts,
    runs: createTable<RunColumn>(
      ['project', 'name', 'runId', 'detail', 'firstFile', 'files', 'firstDir', 'dirs', 'created', 'newest', 'bytes', 'record', 'trouble'],
      { digests: true },
    ),
    files: createTable<FileColumn>(['path', 'size', 'mtime', 'ctime', 'ino', 'settled', 'packed', 'extra'], { digests: true }),
    dirs: createTable<DirColumn>(['path', 'mtime', 'ctime', 'ino', 'settled']),
    tops: createTable<TopColumn>(['level', 'name', 'mtime', 'ctime', 'ino', 'settled']),
  }
}

export function keyOfRun({ texts, runs: { columns } }: Catalogue, run: number): RunKey {
  return {
    project: texts.at(columns.project[run]!),
    name: texts.at(columns.name[run]!),
    runId: texts.at(columns.runId[run]!),
  }
}

export function detailOfRun({ texts, runs }: Catalogue, run: number): RunDetail {
  return JSON.parse(texts.at(runs.columns.detail[run]!)) as RunDetail
}

const noExtra: FileExtra = { marks: [] }

export function extraOfFile({ texts, files }: Catalogue, file: number): FileExtra {
  const number = files.columns.extra[file]!
  return number === 0 ? noExtra : (JSON.parse(texts.at(number)) as FileExtra)
}

/** The numbers of a run's files: from the first to before the second. */
export function filesOfRun({ runs: { columns } }: Catalogue, run: number): readonly [start: number, end: number] {
  return [columns.firstFile[run]!, columns.firstFile[run]! + columns.files[run]!]
}

export function dirsOfRun({ runs: { columns } }: Catalogue, run: number): readonly [start: number, end: number] {
  return [columns.firstDir[run]!, columns.firstDir[run]! + columns.dirs[run]!]
}

/** Adds a run as another catalogue with the same texts has it. */
export function copyRun(to: Catalogue, from: Catalogue, run: number): number {
  const firstFile = copyRows(to.files, from.files, ...filesOfRun(from, run))
  const firstDir = copyRows(to.dirs, from.dirs, ...dirsOfRun(from, run))
  const at = copyRows(to.runs, from.runs, run, run + 1)
  to.runs.columns.firstFile[at] = firstFile
  to.runs.columns.firstDir[at] = firstDir
  return at
}
