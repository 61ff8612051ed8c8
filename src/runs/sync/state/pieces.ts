import type { Digest } from '../../../kit/index.ts'
import type { PackEntry, PackIndex } from '../../format/pack.ts'
import type { Database } from './database.ts'
import { type Wanted, wantedColumns, wantedOf } from './plan.ts'

/** Bytes of a wanted file that lie in a block of a pack. */
export interface Piece {
  readonly wanted: Wanted
  /** Where in the block's plain bytes they begin. */
  readonly offset: number
  readonly length: number
  /** Where in the file they belong. */
  readonly position: number
}

/** Where in packs the wanted bytes lie, in temporary tables. */
export interface Pieces {
  /** Whether packs can have nothing that is missing. */
  isAll(): boolean
  /** Takes from a pack's index what leads to a wanted file. Newer packs come first: tails lead to what they grew from. */
  note(pack: string, index: PackIndex): void
  /** Joins what was noted into files, where it reaches from their ends back to what is here. Whether all are found. */
  join(): boolean
  /** The blocks of a pack that are needed, in order. */
  blocks(pack: string): number[]
  in(pack: string, block: number): Piece[]
  /** Notes that a piece is here; whether its file is whole with it. */
  arrived(piece: Piece): boolean
  drop(): void
}

const schema = `
  CREATE INDEX temp.wanted_by_digest ON wanted (digest);
  CREATE TEMP TABLE needed (digest TEXT PRIMARY KEY) WITHOUT ROWID;
  CREATE TEMP TABLE entries (
    digest TEXT, start INTEGER, length INTEGER, base TEXT, pack TEXT, block INTEGER, offset INTEGER, PRIMARY KEY (digest, start)
  ) WITHOUT ROWID;
  CREATE TEMP TABLE pieces (
    wanted INTEGER, position INTEGER, pack TEXT, block INTEGER, offset INTEGER, length INTEGER,
    here INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (wanted, position)
  ) WITHOUT ROWID;
  CREATE INDEX temp.pieces_by_block ON pieces (pack, block, offset);
`
const dropAll = `DROP INDEX IF EXISTS temp.wanted_by_digest; ${['needed', 'entries', 'pieces'].map((table) => `DROP TABLE IF EXISTS temp.${table};`).join(' ')}`

const filesAtOnce = 4096
/** A chain of tails is followed through one index so often. */
const mostScans = 64

// Most entries are all that is missing of a file.
const takeWhole = `INSERT OR IGNORE INTO pieces (wanted, position, pack, block, offset, length)
  SELECT id, start, ?4, ?5, ?6 + start - ?2, size - start FROM wanted
  WHERE digest = ?1 AND done = 0 AND size > start AND start >= ?2 AND size = ?2 + ?3`
const keepEntry = `INSERT OR IGNORE INTO entries SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7
  WHERE EXISTS (SELECT 1 FROM needed WHERE digest = ?1) OR EXISTS (SELECT 1 FROM wanted WHERE digest = ?1 AND done = 0)`
const needBase = 'INSERT OR IGNORE INTO needed VALUES (?)'
const missing = `SELECT id, digest, size, start FROM wanted WHERE done = 0 AND digest IS NOT NULL AND size > start
  AND (start > 0 OR size <= ? OR appended = 1) AND id NOT IN (SELECT wanted FROM pieces) AND id > ? ORDER BY id LIMIT ${filesAtOnce}`
const ofBlock = `SELECT ${wantedColumns}, pieces.offset AS offset, length, position FROM pieces JOIN wanted ON id = wanted
  WHERE pack = ? AND block = ? ORDER BY pieces.offset`

/** Of the files that the plan wants now. `packable`: the largest whole file that packs hold. */
export function newPieces({ db, sql }: Database, packable: number): Pieces {
  db.exec(dropAll)
  db.exec(schema)
  let hasChains = false
  return {
    isAll: () => sql(missing).get(packable, 0) === undefined,
    note(pack, index) {
      for (let scan = 0, isNew = true; isNew && scan < mostScans; scan++) {
        isNew = false
        for (const { digest, from, length, base, block, offset } of index.entries()) {
          const isWhole = sql(takeWhole).run(digest, from, length, pack, block, offset).changes > 0
          if (isWhole && !hasChains) continue
          const { changes } = sql(keepEntry).run(digest, from, length, base ?? null, pack, block, offset)
          if (changes !== 1 || base === undefined) continue
          if (sql(needBase).run(base).changes === 1) isNew = hasChains = true
        }
      }
    },
    join() {
      let isAll = true
      const keep = sql('INSERT INTO pieces (wanted, position, pack, block, offset, length) VALUES (?, ?, ?, ?, ?, ?)')
      for (let after: number | undefined = 0; after !== undefined;) {
        const rows: Record<string, unknown>[] = sql(missing).all(packable, after)
        after = rows.at(-1)?.['id'] as number | undefined
        for (const row of rows) {
          const { id, size, start } = row as Record<string, number>
          const chain = chainOf(sql, row['digest'] as Digest, size!, start!)
          if (chain.length === 0) isAll = false
          for (const { until, from, pack, block, offset } of chain) {
            const position = Math.max(from, start!)
            keep.run(id!, position, pack, block, offset + position - from, until - position)
          }
        }
      }
      return isAll
    },
    blocks: (pack) =>
      sql('SELECT DISTINCT block FROM pieces WHERE pack = ? ORDER BY block')
        .all(pack)
        .map((row) => row['block'] as number),
    in: (pack, block) =>
      sql(ofBlock)
        .all(pack, block)
        .map((row) => ({
          wanted: wantedOf(row),
          offset: row['offset'] as number,
          length: row['length'] as number,
          position: row['position'] as number,
        })),
    arrived({ wanted, position }) {
      sql('UPDATE pieces SET here = 1 WHERE wanted = ? AND position = ?').run(wanted.id, position)
      return sql('SELECT 1 FROM pieces WHERE wanted = ? AND here = 0 LIMIT 1').get(wanted.id) === undefined
    },
    drop: () => db.exec(dropAll),
  }
}

interface Link extends Pick<PackEntry, 'from' | 'block' | 'offset'> {
  readonly until: number
  readonly pack: string
}

/** From the end of the file back to what is here, each step from a tail to what it grew from. Empty where that does not get there. */
function chainOf(sql: Database['sql'], digest: Digest, size: number, start: number): Link[] {
  const chain: Link[] = []
  const find = sql(
    'SELECT start, base, pack, block, offset FROM entries WHERE digest = ? AND start + length = ? ORDER BY start <= ? DESC, start LIMIT 1',
  )
  let wanted: Digest | null = digest
  for (let until = size; until > start;) {
    const row: Record<string, unknown> | undefined = wanted === null ? undefined : find.get(wanted, until, start)
    if (row === undefined) return []
    const from = row['start'] as number
    chain.push({ until, from, pack: row['pack'] as string, block: row['block'] as number, offset: row['offset'] as number })
    wanted = row['base'] as Digest | null
    until = from
  }
  return chain
}
