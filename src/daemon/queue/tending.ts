import { type Execution, settle } from '../execution.ts'
import type { Care } from '../queue.ts'
import type { Database } from './database.ts'
import { executionFrom, numberOf, workerFrom } from './rows.ts'
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

const atOnce = 1000

/** What ended long ago, with its log. A few at a time, so that nobody waits long. */
export async function forgetOld(database: Database, before: number): Promise<void> {
  const { prefix } = database
  await database.query(`delete from ${prefix}changes where at < $1`, [before])
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
