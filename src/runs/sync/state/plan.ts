import type { Digest, FaultCode } from '../../../kit/index.ts'
import type { Database } from './database.ts'

/** A file that is to be made here what it is there. */
export interface Wanted {
  readonly id: number
  readonly run: number
  /** Below the run's folder. */
  readonly path: string
  /** Below the root of the runs, and below the target. */
  readonly key: string
  readonly size: number
  /** Undefined where the source tells none: then what is read is taken for what it is. */
  readonly digest: Digest | undefined
  /** Milliseconds since 1970. */
  readonly modified: number
  readonly priority: number
  /** So many bytes are here already and only the rest travels; 0 for the whole file. */
  readonly start: number
  /** The digest that the first `start` bytes here must have. */
  readonly before: Digest | undefined
  /** Facts of the file that is replaced or continued here; undefined where there is none. */
  readonly facts: string | undefined
  /** What a way without digests compares the next time. */
  readonly hint: string | undefined
  /** Only grows, as far as the source tells. */
  readonly isAppended: boolean
  /** MD5 of its last 4,096 bytes, from a manifest of format 1.0. */
  readonly tailHash: string | undefined
}

export type NewWanted = Omit<Wanted, 'id'>

export interface Failure {
  readonly key: string
  readonly code: FaultCode
  readonly reason: string
}

export interface Totals {
  readonly files: number
  readonly bytes: number
  readonly appends: number
}

/** What one sync is about to do, in temporary tables: it may be of any size. */
export interface SyncPlan {
  /** Empties it. */
  begin(): void
  /** A run that was looked at, and the mark it gets once all that is wanted of it is in place. */
  addRun(run: number, mark: string | undefined): void
  want(file: NewWanted): void
  /** The run is there, changed or not. */
  see(run: number): void
  /** Those that nothing was done about, after a given one: what says what a run is, or all else. */
  todo(which: 'metadata' | 'others', after: number, most: number): Wanted[]
  isDone(): boolean
  done(ids: readonly number[]): void
  fail(id: number, code: FaultCode, reason: string): void
  /** Something that cannot even be wanted: a name that is refused, a file edited here. */
  refuse(run: number, failure: Failure): void
  totals(): Totals
  failures(most: number): { readonly count: number; readonly first: Failure[] }
  /** The first files that are wanted, for people. */
  sample(most: number): Wanted[]
  /** Runs that the client knows and the source did not show, of all projects or of one. */
  absentRuns(project: string | undefined): number[]
  /** Gives each run of which nothing is left to do its mark. */
  markRuns(): void
  /** The files that are wanted and did not come to be: their parts may be gone on with. */
  unfinished(): Iterable<Wanted>
}

const schema = `
  CREATE TEMP TABLE present (run INTEGER PRIMARY KEY);
  CREATE TEMP TABLE planned (run INTEGER PRIMARY KEY, mark TEXT);
  CREATE TEMP TABLE wanted (
    id INTEGER PRIMARY KEY, run INTEGER NOT NULL, path TEXT NOT NULL, key TEXT NOT NULL, size INTEGER NOT NULL, digest TEXT,
    modified REAL NOT NULL, priority INTEGER NOT NULL, start INTEGER NOT NULL, before TEXT, facts TEXT, hint TEXT,
    appended INTEGER NOT NULL, tail TEXT, done INTEGER NOT NULL DEFAULT 0
  );
  CREATE TEMP TABLE torn (key TEXT PRIMARY KEY) WITHOUT ROWID;
  CREATE TEMP TABLE failures (key TEXT PRIMARY KEY, run INTEGER NOT NULL, code TEXT NOT NULL, reason TEXT NOT NULL) WITHOUT ROWID;
`

export const wantedColumns = 'id, run, path, key, size, digest, modified, priority, start, before, facts, hint, appended, tail'

const insertWanted = `INSERT INTO wanted (${wantedColumns}) VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

export function newPlan({ db, sql }: Database): SyncPlan {
  const begin = () => {
    db.exec(dropAll)
    db.exec(schema)
    // What is of no run that can be known.
    sql('INSERT INTO planned VALUES (0, NULL)').run()
  }
  begin()
  const one = (text: string) => sql(text).get() as Record<string, number>
  return {
    begin,
    see: (run) => void sql('INSERT INTO present VALUES (?) ON CONFLICT DO NOTHING').run(run),
    addRun: (run, mark) =>
      void sql('INSERT INTO planned VALUES (?, ?) ON CONFLICT DO UPDATE SET mark = excluded.mark').run(run, mark ?? null),
    want(file) {
      sql(insertWanted).run(
        file.run,
        file.path,
        file.key,
        file.size,
        file.digest ?? null,
        file.modified,
        file.priority,
        file.start,
        file.before ?? null,
        file.facts ?? null,
        file.hint ?? null,
        file.isAppended ? 1 : 0,
        file.tailHash ?? null,
      )
    },
    todo: (which, after, most) =>
      sql(`SELECT ${wantedColumns} FROM wanted WHERE done = 0 AND (priority = 1) = ? AND id > ? ORDER BY id LIMIT ?`)
        .all(which === 'metadata' ? 1 : 0, after, most)
        .map(wantedOf),
    isDone: () => sql('SELECT 1 FROM wanted WHERE done = 0 LIMIT 1').get() === undefined,
    done: (ids) => void sql('UPDATE wanted SET done = 1 WHERE id IN (SELECT value FROM json_each(?))').run(JSON.stringify(ids)),
    fail(id, code, reason) {
      sql('UPDATE wanted SET done = 2 WHERE id = ?').run(id)
      sql('INSERT INTO failures SELECT key, run, ?, ? FROM wanted WHERE id = ? ON CONFLICT DO NOTHING').run(code, reason, id)
    },
    refuse: (run, { key, code, reason }) =>
      void sql('INSERT INTO failures VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING').run(key, run, code, reason),
    totals() {
      const { files, bytes, appends } = one(
        'SELECT count(*) AS files, coalesce(sum(size - start), 0) AS bytes, coalesce(sum(start > 0), 0) AS appends FROM wanted',
      )
      return { files: files!, bytes: bytes!, appends: appends! }
    },
    failures: (most) => ({
      count: one('SELECT count(*) AS count FROM failures')['count']!,
      first: sql('SELECT key, code, reason FROM failures ORDER BY key LIMIT ?').all(most) as unknown as Failure[],
    }),
    sample: (most) => sql(`SELECT ${wantedColumns} FROM wanted ORDER BY key LIMIT ?`).all(most).map(wantedOf),
    absentRuns: (project) =>
      sql('SELECT id FROM runs WHERE id NOT IN (SELECT run FROM present) AND (?1 IS NULL OR project = ?1)')
        .all(project ?? null)
        .map((row) => row['id'] as number),
    markRuns() {
      sql(`UPDATE runs SET mark = (SELECT mark FROM planned WHERE planned.run = runs.id) WHERE id IN (SELECT run FROM planned)
        AND id NOT IN (SELECT run FROM wanted WHERE done <> 1) AND id NOT IN (SELECT run FROM failures)`).run()
    },
    unfinished: () => sql(`SELECT ${wantedColumns} FROM wanted WHERE done <> 1`).iterate().map(wantedOf),
  }
}

const dropAll = ['present', 'planned', 'wanted', 'torn', 'failures'].map((table) => `DROP TABLE IF EXISTS temp.${table};`).join(' ')

export function wantedOf(row: Record<string, unknown>): Wanted {
  const text = (name: string) => (row[name] as string | null) ?? undefined
  return {
    id: row['id'] as number,
    run: row['run'] as number,
    path: row['path'] as string,
    key: row['key'] as string,
    size: row['size'] as number,
    digest: text('digest') as Digest | undefined,
    modified: row['modified'] as number,
    priority: row['priority'] as number,
    start: row['start'] as number,
    before: text('before') as Digest | undefined,
    facts: text('facts'),
    hint: text('hint'),
    isAppended: row['appended'] === 1,
    tailHash: text('tail'),
  }
}
