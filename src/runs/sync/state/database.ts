import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { Fault } from '../../../kit/index.ts'

/** The client's own memory of one folder: SQLite, so that nothing of it has to fit into RAM. */
export interface Database {
  readonly db: DatabaseSync
  /** A statement, prepared once. */
  sql(text: string): StatementSync
  /** All or nothing. Inside of another transaction it is a part of that one. */
  transaction<T>(work: () => T): T
  /** The same for work that takes its time; nothing else may use the database meanwhile. With `undo` nothing of it stays. */
  during<T>(work: () => Promise<T>, undo?: boolean): Promise<T>
  meta(key: string): string | undefined
  setMeta(key: string, value: string | undefined): void
  close(): void
}

export const stateFormat = 'holdfast-runs-client/1'

const schema = `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE cursors (scope TEXT PRIMARY KEY, mark TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE pages (digest TEXT PRIMARY KEY, kind TEXT NOT NULL, frame BLOB NOT NULL);
  CREATE TABLE runs (
    id INTEGER PRIMARY KEY, project TEXT NOT NULL, name TEXT NOT NULL, run TEXT NOT NULL, mark TEXT, UNIQUE (project, name, run)
  );
  CREATE TABLE files (
    run INTEGER NOT NULL, path TEXT NOT NULL, size INTEGER NOT NULL, digest TEXT NOT NULL, hint TEXT,
    facts TEXT NOT NULL, state TEXT NOT NULL, gone INTEGER NOT NULL, PRIMARY KEY (run, path)
  ) WITHOUT ROWID;
  CREATE INDEX files_not_ok ON files (state) WHERE state <> 'ok';
  CREATE INDEX files_gone ON files (gone) WHERE gone <> 0;
  CREATE TABLE pending (key TEXT PRIMARY KEY, run INTEGER NOT NULL, code TEXT NOT NULL, reason TEXT NOT NULL, since INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE journal (
    key TEXT PRIMARY KEY, start INTEGER NOT NULL, before TEXT, size INTEGER NOT NULL, digest TEXT NOT NULL, hint TEXT
  ) WITHOUT ROWID;
`

/** Opens the database, or makes it; without a file it lives in memory. One of another format is `unsupported`. */
export function openDatabase(file: string | undefined): Database {
  const db = opened(file)
  const statements = new Map<string, StatementSync>()
  const sql = (text: string) => {
    const known = statements.get(text) ?? db.prepare(text)
    statements.set(text, known)
    return known
  }
  let depth = 0
  return {
    db,
    sql,
    transaction(work) {
      if (depth > 0) return work()
      db.exec('BEGIN IMMEDIATE')
      depth++
      try {
        const result = work()
        db.exec('COMMIT')
        return result
      } catch (error) {
        if (db.isTransaction) db.exec('ROLLBACK')
        throw error
      } finally {
        depth--
      }
    },
    async during(work, undo = false) {
      if (depth > 0) return await work()
      db.exec('BEGIN IMMEDIATE')
      depth++
      let isDone = false
      try {
        const result = await work()
        isDone = true
        return result
      } finally {
        depth--
        if (db.isTransaction) db.exec(isDone && !undo ? 'COMMIT' : 'ROLLBACK')
      }
    },
    meta: (key) => sql('SELECT value FROM meta WHERE key = ?').get(key)?.['value'] as string | undefined,
    setMeta(key, value) {
      if (value === undefined) sql('DELETE FROM meta WHERE key = ?').run(key)
      else sql('INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value').run(key, value)
    },
    close() {
      statements.clear()
      db.close()
    },
  }
}

function opened(file: string | undefined): DatabaseSync {
  const at = file ?? 'memory'
  let db: DatabaseSync | undefined
  try {
    db = new DatabaseSync(file ?? ':memory:', { timeout: 10_000 })
    // A commit survives a power cut; the cache stays small whatever the number of files.
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -16000; PRAGMA temp_store = FILE')
    const version = db.prepare("SELECT name FROM sqlite_master WHERE name = 'meta'").get()
    if (version === undefined) db.exec(`BEGIN; ${schema}; INSERT INTO meta VALUES ('format', '${stateFormat}'); COMMIT`)
    const format = db.prepare("SELECT value FROM meta WHERE key = 'format'").get()?.['value']
    if (format !== stateFormat) throw otherFormat(at, format)
    return db
  } catch (error) {
    db?.close()
    if (error instanceof Fault) throw error
    throw new Fault('corrupt', `the state of this folder cannot be read: ${error instanceof Error ? error.message : String(error)}`, {
      at,
      hint: 'move the file away and sync again: what is in the folder is compared by content and not fetched again',
      cause: error,
    })
  }
}

function otherFormat(at: string, format: unknown): Fault {
  return new Fault('unsupported', `the state of this folder has the format ${JSON.stringify(format ?? 'none')}, not ${stateFormat}`, {
    at,
    hint: 'use a newer holdfast for this folder',
  })
}
