import pg from 'pg'
import { type Clock, Fault, keepSecret } from '../../kit/index.ts'
import { type Database, formatSteps, type Row, tooNew, type Value } from './database.ts'

/** Its own schema, so that nothing of another program is in the way. */
const schema = 'holdfast'
const mostConnections = 6

/** Connects, makes the tables where they are missing and brings an older format up to date. A newer one is `unsupported`. */
export async function openPostgres(url: string): Promise<Database> {
  const name = nameOf(url)
  const pool = new pg.Pool({
    connectionString: url,
    max: mostConnections,
    application_name: 'holdfast',
    connectionTimeoutMillis: 10_000,
    // A server that stops answering must not hold a worker for ever.
    query_timeout: 60_000,
    keepAlive: true,
    idleTimeoutMillis: 60_000,
    // bigint as numbers: ids and milliseconds stay far below 2^53.
    types: { getTypeParser: (type, format) => (type === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(type, format)) },
  })
  // A connection that breaks while nobody uses it; the next query opens another.
  pool.on('error', () => undefined)
  const database: Database = {
    name,
    prefix: `${schema}.`,
    skipLocked: 'for update skip locked',
    query: (sql, values = []) => guarded(name, async () => (await pool.query<Row>({ text: sql, values: [...values] })).rows),
    transaction: (work, exclusive) => guarded(name, () => inTransaction(pool, work, exclusive)),
    close: () => pool.end(),
  }
  try {
    await bringUpToDate(database)
  } catch (error) {
    await pool.end()
    throw error
  }
  return database
}

/** The database's time, by what the clock here differs from it: workers on several machines go by one clock. */
export async function databaseClock(database: Database, clock: Clock): Promise<Clock> {
  const before = clock.now()
  const [row] = await database.query('select (extract(epoch from clock_timestamp()) * 1000)::bigint as now')
  const skew = Number(row!['now']) - (before + clock.now()) / 2
  // Clocks that are kept right differ by less, and differences from the way there would only add to them.
  if (Math.abs(skew) < 500) return clock
  return { now: () => Math.round(clock.now() + skew), sleep: (ms, signal) => clock.sleep(ms, signal) }
}

function nameOf(url: string): string {
  if (!URL.canParse(url)) return url.replace(/\?.*$/s, '')
  const parsed = new URL(url)
  keepSecret(decodeURIComponent(parsed.password))
  keepSecret(parsed.searchParams.get('password') ?? undefined)
  parsed.password = ''
  parsed.search = ''
  return parsed.href
}

async function inTransaction<T>(pool: pg.Pool, work: (query: Database['query']) => Promise<T>, exclusive?: string): Promise<T> {
  const client = await pool.connect()
  let broken: unknown
  // A connection may break between two statements, where no query hears of it.
  const onError = (error: unknown) => void (broken = error)
  client.on('error', onError)
  try {
    await client.query('begin')
    if (exclusive !== undefined) await client.query('select pg_advisory_xact_lock(hashtext($1))', [`holdfast ${exclusive}`])
    const result = await work(
      async (sql, values: readonly Value[] = []) => (await client.query<Row>({ text: sql, values: [...values] })).rows,
    )
    await client.query('commit')
    return result
  } catch (error) {
    await client.query('rollback').catch((failure: unknown) => void (broken = failure))
    throw error
  } finally {
    client.off('error', onError)
    client.release(broken !== undefined)
  }
}

async function bringUpToDate(database: Database): Promise<void> {
  const steps = formatSteps(database.prefix, 'bigint generated always as identity primary key')
  const [known] = await database.query('select (to_regclass($1) is not null)::int as known', [`${schema}.format`])
  const formatNow = async (query: Database['query']) =>
    Number((await query(`select max(format) as format from ${schema}.format`))[0]?.['format'] ?? 0)
  if (known?.['known'] === 1 && (await formatNow(database.query)) === steps.length) return
  await database.transaction(async (query) => {
    await query(`create schema if not exists ${schema}`)
    await query(`create table if not exists ${schema}.format (format bigint not null)`)
    const format = await formatNow(query)
    if (format > steps.length) throw tooNew(database.name, format, steps.length)
    for (const statement of steps.slice(format).flat()) await query(statement)
    if (format < steps.length) await query(`insert into ${schema}.format (format) values ($1)`, [steps.length])
  }, 'format')
}

async function guarded<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw faultFrom(error, name)
  }
}

/** What the server answers has an SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html); all else is the way there. */
export function faultFrom(error: unknown, at: string): Fault {
  if (error instanceof Fault) return error
  const says = error instanceof Error ? error.message || String(Reflect.get(error, 'code')) : String(error)
  const fault = (kind: ConstructorParameters<typeof Fault>[0], message: string, hint?: string) =>
    new Fault(kind, message, { at, hint, cause: error })
  const state = error instanceof pg.DatabaseError ? (error.code ?? '') : undefined
  if (state === undefined) return fault('unavailable', `the queue’s database cannot be reached: ${says}`)
  if (/^(28|42501)/.test(state))
    return fault(
      'denied',
      `the queue’s database refuses: ${says}`,
      'check the user, and the password in HOLDFAST_QUEUE_URL, PGPASSWORD or ~/.pgpass',
    )
  if (state === '3D000') return fault('not-found', `the queue’s database is not there: ${says}`, 'make it: createdb')
  // Connections, resources, shutdowns, conflicts and a standby that is not the first yet.
  if (/^(08|53|57|40|55P03|25006)/.test(state)) return fault('unavailable', `the queue’s database cannot be reached: ${says}`)
  return fault('bug', `the queue’s database did not take a statement: ${says}`)
}
