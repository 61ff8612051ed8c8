import type { Digest } from '../../../kit/index.ts'
import type { Database } from './database.ts'
import type { Failure } from './plan.ts'

/** A file that is being written: it stands as it was, or is whole already, or is cut off somewhere. */
export interface Intent {
  readonly key: string
  /** Bytes that were there before and stay; 0 where the file is replaced by a new one. */
  readonly start: number
  /** The digest of those. */
  readonly before: Digest | undefined
  readonly size: number
  readonly digest: Digest
  readonly hint: string | undefined
}

/** What must be known after a crash: which files were being written, and what failed and is to be tried again. */
export interface Journal {
  intend(intent: Intent): void
  finished(key: string): void
  /** All that was intended is finished but those. */
  settle(torn: readonly string[]): void
  unfinished(): Intent[]
  /** What failed of the runs that the plan looked at, in place of what had failed of them before. */
  keepFailures(now: number): void
  pending(most: number): { readonly count: number; readonly first: (Failure & { readonly since: number })[] }
}

export function journalIn({ sql }: Database): Journal {
  return {
    intend: ({ key, start, before, size, digest, hint }) =>
      void sql('INSERT OR REPLACE INTO journal VALUES (?, ?, ?, ?, ?, ?)').run(key, start, before ?? null, size, digest, hint ?? null),
    finished: (key) => void sql('DELETE FROM journal WHERE key = ?').run(key),
    settle(torn) {
      if (torn.length > 0) sql('INSERT OR IGNORE INTO torn SELECT value FROM json_each(?)').run(JSON.stringify(torn))
      sql('DELETE FROM journal WHERE key NOT IN (SELECT key FROM torn)').run()
    },
    unfinished: () =>
      sql('SELECT key, start, before, size, digest, hint FROM journal')
        .all()
        .map((row) => ({
          key: row['key'] as string,
          start: row['start'] as number,
          before: (row['before'] as Digest | null) ?? undefined,
          size: row['size'] as number,
          digest: row['digest'] as Digest,
          hint: (row['hint'] as string | null) ?? undefined,
        })),
    keepFailures(now) {
      sql('DELETE FROM pending WHERE run IN (SELECT run FROM planned) AND key NOT IN (SELECT key FROM failures)').run()
      sql(`INSERT INTO pending SELECT key, run, code, reason, ? FROM failures WHERE true
        ON CONFLICT DO UPDATE SET code = excluded.code, reason = excluded.reason`).run(now)
    },
    pending: (most) => ({
      count: sql('SELECT count(*) AS count FROM pending').get()!['count'] as number,
      first: sql('SELECT key, code, reason, since FROM pending ORDER BY key LIMIT ?').all(most) as unknown as (Failure & {
        since: number
      })[],
    }),
  }
}
