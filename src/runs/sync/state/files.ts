import type { Digest } from '../../../kit/index.ts'
import type { RunKey } from '../../format/place.ts'
import type { Database } from './database.ts'

/** A run that the client knows. */
export interface KnownRun {
  readonly id: number
  /** What of it was put in place whole: the digest of its page, or another way's word for its state. */
  readonly mark: string | undefined
}

/** A file that the client wrote, or found right where it was wanted. */
export interface KnownFile {
  readonly run: number
  readonly path: string
  readonly size: number
  readonly digest: Digest
  /** Size and time that the source told of it: what a way without digests compares. */
  readonly hint: string | undefined
  /** Of the file as it stood then; see `Seen`. */
  readonly facts: string
  /** `ok`: nobody touched it. `missing`: it was removed here. `edited`: it has other content here. */
  readonly state: FileState
  /** The source does not have it any more. */
  readonly isGone: boolean
}

export type FileState = 'ok' | 'missing' | 'edited'

export interface Files {
  findRun(key: RunKey): KnownRun | undefined
  /** The run's number; it is made known where it was not. */
  runOf(key: RunKey): number
  keyOf(run: number): RunKey
  setMark(run: number, mark: string | undefined): void
  find(run: number, path: string): KnownFile | undefined
  ofRun(run: number): IterableIterator<KnownFile>
  put(file: KnownFile): void
  setState(file: Pick<KnownFile, 'run' | 'path'>, state: FileState, facts: string): void
  setGone(file: Pick<KnownFile, 'run' | 'path'>, isGone: boolean): void
  forget(file: Pick<KnownFile, 'run' | 'path'>): void
  /** All files after a place in the order of run and path, at most `most`. */
  page(after: Pick<KnownFile, 'run' | 'path'>, most: number): KnownFile[]
  /** Those that the source does not have any more, of all projects or of one, after a place. */
  gone(
    project: string | undefined,
    most: number,
    after?: Pick<KnownFile, 'run' | 'path'>,
  ): { readonly count: number; readonly first: KnownFile[] }
  count(): { readonly files: number; readonly bytes: number; readonly edited: number; readonly gone: number }
}

const columns = 'run, path, size, digest, hint, facts, state, gone'
const putFile = `INSERT OR REPLACE INTO files (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`

export function filesIn({ sql }: Database): Files {
  return {
    findRun({ project, name, runId }) {
      const row = sql('SELECT id, mark FROM runs WHERE project = ? AND name = ? AND run = ?').get(project, name, runId)
      return row === undefined ? undefined : { id: row['id'] as number, mark: (row['mark'] as string | null) ?? undefined }
    },
    runOf({ project, name, runId }) {
      const known = sql('SELECT id FROM runs WHERE project = ? AND name = ? AND run = ?').get(project, name, runId)
      if (known !== undefined) return known['id'] as number
      return Number(sql('INSERT INTO runs (project, name, run) VALUES (?, ?, ?)').run(project, name, runId).lastInsertRowid)
    },
    keyOf(run) {
      const row = sql('SELECT project, name, run FROM runs WHERE id = ?').get(run)!
      return { project: row['project'] as string, name: row['name'] as string, runId: row['run'] as string }
    },
    setMark: (run, mark) => void sql('UPDATE runs SET mark = ? WHERE id = ?').run(mark ?? null, run),
    find(run, path) {
      const row = sql(`SELECT ${columns} FROM files WHERE run = ? AND path = ?`).get(run, path)
      return row === undefined ? undefined : fileOf(row)
    },
    ofRun: (run) => sql(`SELECT ${columns} FROM files WHERE run = ? ORDER BY path`).all(run).values().map(fileOf),
    put({ run, path, size, digest, hint, facts, state, isGone }) {
      sql(putFile).run(run, path, size, digest, hint ?? null, facts, state, isGone ? 1 : 0)
    },
    setState: ({ run, path }, state, facts) =>
      void sql('UPDATE files SET state = ?, facts = ? WHERE run = ? AND path = ?').run(state, facts, run, path),
    setGone: ({ run, path }, isGone) => void sql('UPDATE files SET gone = ? WHERE run = ? AND path = ?').run(isGone ? 1 : 0, run, path),
    forget: ({ run, path }) => void sql('DELETE FROM files WHERE run = ? AND path = ?').run(run, path),
    page: ({ run, path }, most) =>
      sql(`SELECT ${columns} FROM files WHERE (run, path) > (?, ?) ORDER BY run, path LIMIT ?`).all(run, path, most).map(fileOf),
    gone(project, most, after = { run: -1, path: '' }) {
      const which = 'FROM files JOIN runs ON id = files.run WHERE gone = 1 AND (?1 IS NULL OR project = ?1)'
      const list = `SELECT files.run AS run, path, size, digest, hint, facts, state, gone ${which}`
      return {
        count: sql(`SELECT count(*) AS count ${which}`).get(project ?? null)!['count'] as number,
        first: sql(`${list} AND (files.run, path) > (?2, ?3) ORDER BY files.run, path LIMIT ?4`)
          .all(project ?? null, after.run, after.path, most)
          .map(fileOf),
      }
    },
    count() {
      const row = sql(
        `SELECT count(*) AS files, coalesce(sum(size), 0) AS bytes, coalesce(sum(state = 'edited'), 0) AS edited, coalesce(sum(gone), 0) AS gone FROM files`,
      ).get()!
      const { files, bytes, edited, gone } = row as Record<string, number>
      return { files: files!, bytes: bytes!, edited: edited!, gone: gone! }
    },
  }
}

function fileOf(row: Record<string, unknown>): KnownFile {
  return {
    run: row['run'] as number,
    path: row['path'] as string,
    size: row['size'] as number,
    digest: row['digest'] as Digest,
    hint: (row['hint'] as string | null) ?? undefined,
    facts: row['facts'] as string,
    state: row['state'] as FileState,
    isGone: row['gone'] === 1,
  }
}
