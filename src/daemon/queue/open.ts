import type { Clock } from '../../kit/index.ts'
import type { Queue } from '../queue.ts'
import type { Database } from './database.ts'
import { sqlQueue } from './sql-queue.ts'

export interface QueueOptions {
  readonly clock: Clock
  readonly random: () => number
}

/** The queue of one machine, in a file that is made where it is missing. */
export async function openFileQueue(file: string, options: QueueOptions): Promise<Queue> {
  const { openSqlite } = await import('./sqlite.ts')
  return await queueIn(await openSqlite(file), options)
}

/** The queue of several machines, in a PostgreSQL database, whose clock counts for all. */
export async function openServerQueue(url: string, options: QueueOptions): Promise<Queue> {
  const { databaseClock, openPostgres } = await import('./postgres.ts')
  const database = await openPostgres(url)
  return await queueIn(database, { ...options, clock: await databaseClock(database, options.clock) })
}

/** A queue in the tables of a database that is open; closed with it. */
export async function queueIn(database: Database, { clock, random }: QueueOptions): Promise<Queue> {
  const { prefix, query } = database
  const drawn = Array.from({ length: 4 }, () =>
    Math.floor(random() * 2 ** 16)
      .toString(16)
      .padStart(4, '0'),
  ).join('')
  await query(`insert into ${prefix}facts (name, value) values ('id', $1) on conflict (name) do nothing`, [drawn])
  const [fact] = await query(`select value from ${prefix}facts where name = 'id'`)
  return sqlQueue({ database, id: String(fact!['value']), clock, random })
}
