import { DatabaseSync } from 'node:sqlite'
import { type Clock, ensureOwnFile, Fault } from '../../kit/index.ts'
import { type Answers, createAnswers } from './answers.ts'
import { type AuditLog, createAuditLog } from './audit.ts'
import { createTokens, type Tokens } from './tokens.ts'

/** What a server remembers beside what its store has: who may do what, who did what, and which actions were answered how. */
export interface ServerState {
  readonly tokens: Tokens
  readonly audit: AuditLog
  readonly answers: Answers
  close(): void
}

const format = 'holdfast-server/1'

/** An entry of the audit log is never changed and never deleted, not by us either. */
const schema = `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE tokens (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, digest BLOB NOT NULL, scopes TEXT NOT NULL, created INTEGER NOT NULL, by TEXT NOT NULL,
    expires INTEGER, revoked INTEGER, used INTEGER
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE audit (seq INTEGER PRIMARY KEY AUTOINCREMENT, entry TEXT NOT NULL, chain TEXT NOT NULL) STRICT;
  CREATE TRIGGER audit_stays BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END;
  CREATE TRIGGER audit_stays_whole BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END;
  CREATE TABLE answers (
    token TEXT NOT NULL, key TEXT NOT NULL, request TEXT NOT NULL, at INTEGER NOT NULL, answer TEXT, PRIMARY KEY (token, key)
  ) STRICT, WITHOUT ROWID;
`

/** Opens the file, or makes it, readable by its owner alone. Several processes may have it open. One of another format is `unsupported`. */
export function openServerState(file: string, clock: Clock): ServerState {
  const db = opened(file)
  return { tokens: createTokens(db, clock), audit: createAuditLog(db, clock), answers: createAnswers(db, clock), close: () => db.close() }
}

function opened(file: string): DatabaseSync {
  let db: DatabaseSync | undefined
  try {
    if (file !== ':memory:') ensureOwnFile(file)
    db = new DatabaseSync(file, { timeout: 10_000 })
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; BEGIN IMMEDIATE')
    if (db.prepare("SELECT 1 FROM sqlite_master WHERE name = 'meta'").get() === undefined) {
      db.exec(schema)
      db.prepare("INSERT INTO meta VALUES ('format', ?)").run(format)
    }
    const found = db.prepare("SELECT value FROM meta WHERE key = 'format'").get()?.['value']
    if (found !== format) {
      throw new Fault('unsupported', `the server's state has the format ${JSON.stringify(found ?? 'none')}, not ${format}`, {
        at: file,
        hint: 'use a newer holdfast here',
      })
    }
    db.exec('COMMIT')
    return db
  } catch (error) {
    db?.close()
    if (error instanceof Fault) throw error
    throw new Fault('corrupt', `the server's state cannot be read: ${error instanceof Error ? error.message : String(error)}`, {
      at: file,
      hint: 'take it from a backup; or move it away: then all tokens have to be made anew, and the audit log begins anew',
      cause: error,
    })
  }
}
