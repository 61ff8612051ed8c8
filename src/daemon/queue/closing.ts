import type { Change, FailedUnit } from '../change.ts'
import { isGood, worstExit } from '../execution.ts'
import type { Database, Value } from './database.ts'
import { executionFrom, maybeNumber, numberOf, textOf } from './rows.ts'

type Query = Database['query']

/** A firing has ended with the last of its units. */
export async function closeFirings({ prefix, query, transaction }: Database): Promise<void> {
  const closing = await query(
    `select name, fired from ${prefix}jobs where fired > closed and not exists (
       select 1 from ${prefix}executions where job = name and state in ('waiting', 'running'))`,
  )
  // One after another, also between daemons: who reads changes in the order of their ids then misses none.
  for (const row of closing)
    await transaction((ask) => closeFiring(ask, prefix, { job: textOf(row, 'name'), firing: numberOf(row, 'fired') }), 'close')
}

type Firing = Pick<Change, 'job' | 'firing'>

async function closeFiring(query: Query, prefix: string, { job, firing }: Firing): Promise<void> {
  const units = await query(
    `select state, exit, max(ended) as ended from ${prefix}executions where job = $1 and firing = $2 group by state, exit`,
    [job, firing],
  )
  const exits = units.map((unit) => maybeNumber(unit, 'exit') ?? (unit['state'] === 'done' ? 0 : 130))
  const ended = Math.max(0, ...units.map((unit) => maybeNumber(unit, 'ended') ?? 0))
  const exit = worstExit(exits)
  // A firing without units came while the same was under way already, and is neither good nor bad.
  const change =
    units.length === 0
      ? ''
      : isGood(exit)
        ? ', ended = $3, exit = $4, succeeded = $3, failures = 0'
        : ', ended = $3, exit = $4, failures = failures + 1'
  const [closed] = await query(
    `update ${prefix}jobs set closed = fired${change} where name = $1 and fired = $2 and closed < fired returning failing`,
    [job, firing, ...(units.length === 0 ? [] : [ended, exit])],
  )
  if (closed === undefined || units.length === 0) return
  const since = maybeNumber(closed, 'failing')
  // What was cancelled by hand says nothing about the job.
  if (units.some(({ state }) => state === 'failed' || state === 'dead'))
    await addChange(query, prefix, { job, firing, kind: 'failure', at: ended, exit, since: since ?? ended })
  else if (isGood(exit) && since !== undefined) await addChange(query, prefix, { job, firing, kind: 'recovery', at: ended, exit, since })
}

/** Units of which a change knows more than their number. */
const namedUnits = 5

async function addChange(
  query: Query,
  prefix: string,
  change: Pick<Change, 'job' | 'firing' | 'kind' | 'at' | 'exit' | 'since'>,
): Promise<void> {
  const { job, firing, kind, at, exit, since } = change
  const [before] = await query(
    `select count(*) as failures, max(at) as previous from ${prefix}changes where job = $1 and since = $2 and kind = 'failure'`,
    [job, since],
  )
  const failures = numberOf(before!, 'failures') + (kind === 'failure' ? 1 : 0)
  const failed = kind === 'failure' ? await failedUnits(query, prefix, { job, firing }) : []
  const values: Value[] = [job, firing, kind, at, exit, since, maybeNumber(before!, 'previous') ?? null, failures, failed.length]
  await query(
    `insert into ${prefix}changes (job, firing, kind, at, exit, since, previous, failures, failed, units)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    [...values, JSON.stringify(failed.slice(0, namedUnits))],
  )
  await query(`update ${prefix}jobs set failing = $2 where name = $1`, [job, kind === 'failure' ? since : null])
}

async function failedUnits(query: Query, prefix: string, { job, firing }: Firing): Promise<FailedUnit[]> {
  const rows = await query(`select * from ${prefix}executions where job = $1 and firing = $2 and state in ('failed', 'dead') order by id`, [
    job,
    firing,
  ])
  return rows.map(executionFrom).map(({ id, words, state, attempt, exit, code, message }) => {
    return { id, words, state, attempt, exit, code, message }
  })
}
