import type { Execution, Settlement } from '../execution.ts'
import type { Limits } from '../queue.ts'
import type { Database, Row, Value } from './database.ts'
import { executionFrom, numberOf, settled, textOf } from './rows.ts'

/** Nobody else takes the same: rows that others are taking at this moment are passed over. */
export async function takeUnits(database: Database, worker: string, count: number, limits: Limits, now: number): Promise<Execution[]> {
  const rows =
    Object.keys(limits).length === 0
      ? await database.query(takeAny(database), [worker, now, count])
      : await database.transaction((query) => takeWithin(query, database, { worker, count, limits, now }), 'take')
  return rows.map(executionFrom).toSorted((one, other) => other.priority - one.priority || one.due - other.due || one.id - other.id)
}

function takeAny({ prefix, skipLocked }: Database): string {
  return `with next as materialized (
      select id as next_id from ${prefix}executions where state = 'waiting' and due <= $2
      order by priority desc, due, id limit $3 ${skipLocked}
    )
    update ${prefix}executions ${held} from next where id = next_id returning *`
}

const held = `set state = 'running', worker = $1, started = $2, attempt = attempt + 1, progress = null`

interface Taking {
  readonly worker: string
  readonly count: number
  readonly limits: Limits
  readonly now: number
}

/** With limits one worker takes after another, since each has to know what the others hold. */
async function takeWithin(query: Database['query'], { prefix }: Database, { worker, count, limits, now }: Taking): Promise<Row[]> {
  const running = await query(`select source, count(*) as held from ${prefix}executions where state = 'running' group by source`)
  const room = new Map(Object.entries(limits))
  for (const row of running) {
    const left = room.get(textOf(row, 'source'))
    if (left !== undefined) room.set(textOf(row, 'source'), left - numberOf(row, 'held'))
  }
  const taken: Row[] = []
  // What has no room is left out of the next look, which therefore finds others or comes to an end.
  while (taken.length < count) {
    const full = [...room].flatMap(([source, left]) => (left > 0 ? [] : [source]))
    const found = await query(
      `select id, source from ${prefix}executions where state = 'waiting' and due <= $1
       ${full.length === 0 ? '' : `and source not in (${list(full.length, 3)})`} order by priority desc, due, id limit $2`,
      [now, count - taken.length, ...full],
    )
    const fitting = found.filter((row) => {
      const left = room.get(textOf(row, 'source'))
      if (left !== undefined) room.set(textOf(row, 'source'), left - 1)
      return left === undefined || left > 0
    })
    if (fitting.length === 0) break
    const ids = fitting.map((row) => numberOf(row, 'id'))
    taken.push(
      ...(await query(`update ${prefix}executions ${held} where state = 'waiting' and id in (${list(ids.length, 3)}) returning *`, [
        worker,
        now,
        ...ids,
      ])),
    )
    if (fitting.length === found.length) break
  }
  return taken
}

export interface Settling {
  readonly execution: Execution
  readonly settlement: Settlement
}

/** Writes down how tries ended, of those that are still held by the worker that had them; gives the ids of these. */
export async function endUnits(query: Database['query'], { prefix }: Database, settlings: readonly Settling[]): Promise<Set<number>> {
  const values: Value[] = []
  const rows = settlings.map(({ execution, settlement }) => {
    const columns = [
      ['ended_id', 'bigint', execution.id],
      ['holder', 'text', execution.worker ?? null],
      ['tried', 'bigint', execution.attempt],
      ...settled(settlement).map(([column, type, value]) => [`new_${column}`, type, value] as const),
    ] as const
    values.push(...columns.map(([, , value]) => value))
    // The types of a list of values are those of its first row.
    return columns.map(([, type], at) => `cast($${values.length - columns.length + at + 1} as ${type})`)
  })
  const names = settled(settlings[0]!.settlement).map(([column]) => column)
  const ended = await query(
    `with ends (ended_id, holder, tried, ${names.map((name) => `new_${name}`).join(', ')})
       as (values ${rows.map((row) => `(${row.join(', ')})`).join(', ')})
     update ${prefix}executions set ${names.map((name) => `${name} = new_${name}`).join(', ')}, progress = null, cancelling = 0
     from ends where id = ended_id and state = 'running' and worker = holder and attempt = tried returning id`,
    values,
  )
  return new Set(ended.map((row) => numberOf(row, 'id')))
}

function list(length: number, from: number): string {
  return Array.from({ length }, (_item, at) => `$${from + at}`).join(', ')
}
