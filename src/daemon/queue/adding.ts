import type { Unit } from '../execution.ts'
import type { Added, Firing } from '../queue.ts'
import type { Database, Value } from './database.ts'
import { numberOf, textOf } from './rows.ts'

/** Rows in one statement: SQLite takes 32,766 values, PostgreSQL 65,535. */
const rowsAtOnce = 500

const columns = ['key', 'words', 'source', 'priority', 'timeout', 'splits', 'job', 'firing', 'state', 'due', 'created'] as const

/** Adds those whose key nobody has yet. The ids in the order of the units. */
export async function addUnits(
  query: Database['query'],
  { prefix }: Pick<Database, 'prefix'>,
  units: readonly Unit[],
  now: number,
): Promise<Added[]> {
  const fresh = new Map<string, number>()
  const all = new Map<string, number>()
  for (let start = 0; start < units.length; start += rowsAtOnce) {
    const some = units.slice(start, start + rowsAtOnce)
    const inserted = await query(
      `insert into ${prefix}executions (${columns.join(', ')}) values ${placeholders(some.length, columns.length)}
       on conflict (key) where state in ('waiting', 'running') do nothing returning id, key`,
      some.flatMap((unit) => valuesOf(unit, now)),
    )
    for (const row of inserted) fresh.set(textOf(row, 'key'), numberOf(row, 'id'))
    const keys = [...new Set(some.map(({ key }) => key).filter((key) => !fresh.has(key)))]
    if (keys.length === 0) continue
    const present = await query(
      `select id, key from ${prefix}executions where state in ('waiting', 'running') and key in (${keys.map((_key, at) => `$${at + 1}`).join(', ')})`,
      keys,
    )
    for (const row of present) all.set(textOf(row, 'key'), numberOf(row, 'id'))
  }
  return units.flatMap(({ key }) => {
    const id = fresh.get(key) ?? all.get(key)
    const isNew = fresh.delete(key)
    if (id !== undefined) all.set(key, id)
    return id === undefined ? [] : [{ id, isNew }]
  })
}

/** Counts the firing, where nobody else has and the one before has ended, and adds its units. */
export async function fireJob(
  query: Database['query'],
  database: Pick<Database, 'prefix'>,
  { job, expected, due, units }: Firing,
  now: number,
): Promise<Added[] | undefined> {
  const counted = await query(
    `update ${database.prefix}jobs set fired = fired + 1, due = $3 where name = $1 and fired = $2 and closed = fired returning fired`,
    [job, expected, due],
  )
  if (counted[0] === undefined) return undefined
  const firing = numberOf(counted[0], 'fired')
  return await addUnits(
    query,
    database,
    units.map((unit) => ({ ...unit, job, firing })),
    now,
  )
}

function valuesOf({ key, words, source, priority, timeout, splits, job, firing }: Unit, now: number): Value[] {
  return [key, JSON.stringify(words), source, priority, timeout ?? null, splits ? 1 : 0, job ?? null, firing ?? null, 'waiting', now, now]
}

/** `($1, $2), ($3, $4)` */
export function placeholders(rows: number, width: number): string {
  return Array.from(
    { length: rows },
    (_row, row) => `(${Array.from({ length: width }, (_column, column) => `$${row * width + column + 1}`).join(', ')})`,
  ).join(', ')
}
