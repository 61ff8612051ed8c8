import type { DatabaseSync } from 'node:sqlite'
import { canonicalJson, type Clock, digestOf } from '../../kit/index.ts'

/** One line of the audit log: an action that began, or how it ended. */
export interface AuditEntry {
  /** ISO 8601, UTC. */
  readonly at: string
  /** The same for the beginning and the end of one action. */
  readonly request: string
  readonly kind: 'began' | 'done' | 'failed'
  readonly action: string
  /** The token that allowed it: its name and id. Of `holdfast token`, who ran it. */
  readonly by: string
  /** The address it came from; empty for this machine's own command line. */
  readonly from: string
  /** What was asked for. */
  readonly what: unknown
  /** Where names stood, as far as it is known. */
  readonly before?: unknown
  readonly after?: unknown
  /** Why it failed. */
  readonly message?: string | undefined
}

export interface AuditRow extends AuditEntry {
  readonly seq: number
  /** Of this entry and all before it. */
  readonly chain: string
}

/** Only grows. Each entry's chain digest covers all entries before it: whoever changes one has to change all that follow. */
export interface AuditLog {
  append(entry: Omit<AuditEntry, 'at'>): AuditRow
  /** The newest first; only those before `before`, where it is given. */
  read(options: { readonly limit: number; readonly before?: number | undefined }): AuditRow[]
  /** The number of the first entry that does not fit to those before it; undefined where all do. */
  verify(): number | undefined
}

/** What the first entry continues. */
const beginning = 'holdfast-audit/1'

export function createAuditLog(db: DatabaseSync, clock: Clock): AuditLog {
  const last = db.prepare('SELECT seq, chain FROM audit ORDER BY seq DESC LIMIT 1')
  const insert = db.prepare('INSERT INTO audit (entry, chain) VALUES (?, ?)')
  const page = db.prepare('SELECT seq, entry, chain FROM audit WHERE seq < ? ORDER BY seq DESC LIMIT ?')
  const all = db.prepare('SELECT seq, entry, chain FROM audit ORDER BY seq')
  return {
    append(given) {
      const entry: AuditEntry = { ...given, at: new Date(clock.now()).toISOString() }
      const text = canonicalJson(entry)
      // Another process may append as well.
      db.exec('BEGIN IMMEDIATE')
      try {
        const chain = chained((last.get()?.['chain'] as string | undefined) ?? beginning, text)
        const { lastInsertRowid } = insert.run(text, chain)
        db.exec('COMMIT')
        return { ...entry, seq: Number(lastInsertRowid), chain }
      } catch (error) {
        if (db.isTransaction) db.exec('ROLLBACK')
        throw error
      }
    },
    read: ({ limit, before = Number.MAX_SAFE_INTEGER }) => page.all(before, limit).map(rowOf),
    verify() {
      let chain = beginning
      let expected = 1
      for (const row of all.iterate()) {
        const seq = row['seq'] as number
        chain = chained(chain, row['entry'] as string)
        if (seq !== expected || chain !== row['chain']) return seq
        expected++
      }
      return undefined
    },
  }
}

function chained(before: string, text: string): string {
  return digestOf(`${before}\n${text}`)
}

function rowOf(row: Readonly<Record<string, unknown>>): AuditRow {
  return { ...(JSON.parse(row['entry'] as string) as AuditEntry), seq: row['seq'] as number, chain: row['chain'] as string }
}
