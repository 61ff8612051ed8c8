import { type Execution, isGood, settle, worstExit } from '../execution.ts'
import type { Care } from '../queue.ts'
import type { Database } from './database.ts'
import { executionFrom, maybeNumber, numberOf, textOf, workerFrom } from './rows.ts'
import { endUnits } from './taking.ts'

interface Now {
  readonly now: number
  readonly random: () => number
}

/** What workers held that are dead waits again, and they are forgotten. */
export async function giveBackUnits(database: Database, { isGone, lease }: Care, { now, random }: Now): Promise<void> {
  const { prefix } = database
  const workers = (await database.query(`select * from ${prefix}workers`)).map(workerFrom)
  const dead = workers.filter((worker) => worker.beaten < now - lease || isGone(worker))
  const alive = workers.filter((worker) => !dead.includes(worker))
  // Also what is held by a worker that nobody knows, since it never got so far as to say that it lives.
  const held = (
    await database.query(
      `select * from ${prefix}executions where state = 'running' and started < $1
       and worker not in (${['$2', ...alive.map((_worker, at) => `$${at + 3}`)].join(', ')})`,
      [now - Math.min(lease, 1000), '', ...alive.map(({ id }) => id)],
    )
  ).map(executionFrom)
  const lost = held.filter(({ worker, started = 0 }) => dead.some(({ id }) => id === worker) || started < now - lease)
  const settlings = lost.map((execution) => ({
    execution,
    settlement: settle(execution, { kind: 'lost', message: lostMessage(execution, workers) }, { now, random }),
  }))
  for (let at = 0; at < settlings.length; at += 200) await endUnits(database.query, database, settlings.slice(at, at + 200))
  for (const { id, beaten } of dead) await database.query(`delete from ${prefix}workers where id = $1 and beaten = $2`, [id, beaten])
}

function lostMessage(
  { worker }: Execution,
  workers: readonly { readonly id: string; readonly host: string; readonly pid: number }[],
): string {
  const known = workers.find(({ id }) => id === worker)
  return known === undefined ? 'its worker was lost' : `its worker on ${known.host} (process ${known.pid}) was lost`
}

/** A firing has ended with the last of its units. */
export async function closeFirings({ prefix, query }: Database): Promise<void> {
  const closing = await query(
    `select name, fired from ${prefix}jobs where fired > closed and not exists (
       select 1 from ${prefix}executions where job = name and state in ('waiting', 'running'))`,
  )
  for (const row of closing) {
    const [name, firing] = [textOf(row, 'name'), numberOf(row, 'fired')]
    const units = await query(
      `select state, exit, max(ended) as ended from ${prefix}executions where job = $1 and firing = $2 group by state, exit`,
      [name, firing],
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
    await query(`update ${prefix}jobs set closed = fired${change} where name = $1 and fired = $2 and closed < fired`, [
      name,
      firing,
      ...(units.length === 0 ? [] : [ended, exit]),
    ])
  }
}

const atOnce = 1000

/** What ended long ago, with its log. A few at a time, so that nobody waits long. */
export async function forgetOld(database: Database, before: number): Promise<void> {
  const { prefix } = database
  for (let more = true; more;) {
    more = await database.transaction(async (query) => {
      const old = await query(`select id from ${prefix}executions where ended is not null and ended < $1 order by ended limit ${atOnce}`, [
        before,
      ])
      if (old.length === 0) return false
      const ids = old.map((row) => numberOf(row, 'id'))
      const list = ids.map((_id, at) => `$${at + 1}`).join(', ')
      await query(`delete from ${prefix}lines where execution in (${list})`, ids)
      await query(`delete from ${prefix}executions where ended is not null and id in (${list})`, ids)
      return old.length === atOnce
    })
  }
}
