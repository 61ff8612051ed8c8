import type { Digest } from '../../../kit/index.ts'
import { type LogRecord, openPage, type PageKind } from '../../format/log.ts'
import type { Database } from './database.ts'

/** The pages that the client has, each proven by its digest before it was kept. */
export interface KeptPages {
  /** Which log they came from, and how far it was read. */
  readonly log: { readonly name: string; readonly length: number } | undefined
  setLog(log: { readonly name: string; readonly length: number } | undefined): void
  put(record: LogRecord, at: string): void
  /** The plain bytes; undefined where that page is not there. */
  read(digest: Digest): Uint8Array | undefined
  has(digest: Digest): boolean
  /** Drops all pages but those. */
  keepOnly(digests: Iterable<Digest>): void
}

export function pagesIn({ sql, db, meta, setMeta }: Database): KeptPages {
  return {
    get log() {
      const text = meta('log')
      const slash = text?.indexOf('/') ?? -1
      return text === undefined ? undefined : { name: text.slice(0, slash), length: Number(text.slice(slash + 1)) }
    },
    setLog: (log) => setMeta('log', log === undefined ? undefined : `${log.name}/${log.length}`),
    put({ kind, digest, frame }, at) {
      openPage({ digest, frame }, at)
      sql('INSERT INTO pages VALUES (?, ?, ?) ON CONFLICT DO NOTHING').run(digest, kind satisfies PageKind, frame)
    },
    read(digest) {
      const row = sql('SELECT frame FROM pages WHERE digest = ?').get(digest)
      return row === undefined ? undefined : openPage({ digest, frame: row['frame'] as Uint8Array }, `the kept page ${digest}`)
    },
    has: (digest) => sql('SELECT 1 FROM pages WHERE digest = ?').get(digest) !== undefined,
    keepOnly(digests) {
      db.exec('CREATE TEMP TABLE kept (digest TEXT PRIMARY KEY) WITHOUT ROWID')
      const keep = db.prepare('INSERT INTO temp.kept VALUES (?) ON CONFLICT DO NOTHING')
      for (const digest of digests) keep.run(digest)
      db.exec('DELETE FROM pages WHERE digest NOT IN (SELECT digest FROM temp.kept); DROP TABLE temp.kept')
    },
  }
}
