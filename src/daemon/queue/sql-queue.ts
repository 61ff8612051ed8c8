import type { Clock } from '../../kit/index.ts'
import { type Ending, type Execution, settle, type State, states } from '../execution.ts'
import type { Care, ExecutionQuery, Line, LogLine, Queue, Told } from '../queue.ts'
import { addUnits, fireJob, placeholders } from './adding.ts'
import { changes } from './changes.ts'
import { closeFirings } from './closing.ts'
import { type Database, type Row, type Value } from './database.ts'
import { executionFrom, jobFrom, numberOf, stateOf, textOf, workerFrom } from './rows.ts'
import { endUnits, type Settling, takeUnits } from './taking.ts'
import { forgetOld, giveBackUnits } from './tending.ts'

export interface SqlQueueOptions {
  readonly database: Database
  readonly id: string
  /** Of all who use this queue: where they are on several machines, the database's own. */
  readonly clock: Clock
  readonly random: () => number
}

const forgetEvery = 600_000
const linesAtOnce = 1000

/** A queue in tables. */
export function sqlQueue({ database, id, clock, random }: SqlQueueOptions): Queue {
  const { prefix, query } = database
  let forgotten = 0
  const endings = endingsTogether(database, { clock, random })
  return {
    name: database.name,
    id,
    add: (units) => database.transaction((ask) => addUnits(ask, database, units, clock.now())),
    async introduce(jobs) {
      for (const name of jobs)
        await query(`insert into ${prefix}jobs (name, since) values ($1, $2) on conflict (name) do nothing`, [name, clock.now()])
    },
    fire: (firing) => database.transaction((ask) => fireJob(ask, database, firing, clock.now())),
    take: (worker, count, limits) => takeUnits(database, worker, count, limits, clock.now()),
    end: endings,
    async beat({ id, host, pid, machine, concurrency }) {
      await query(
        `insert into ${prefix}workers (id, host, pid, machine, concurrency, started, beaten) values ($1, $2, $3, $4, $5, $6, $6)
         on conflict (id) do update set beaten = excluded.beaten, concurrency = excluded.concurrency`,
        [id, host, pid, machine ?? null, concurrency, clock.now()],
      )
      const rows = await query(`select id, attempt, cancelling from ${prefix}executions where worker = $1 and state = 'running'`, [id])
      return rows.map((row) => ({
        id: numberOf(row, 'id'),
        attempt: numberOf(row, 'attempt'),
        isCancelling: numberOf(row, 'cancelling') !== 0,
      }))
    },
    tell: (worker, told) => writeTold(database, worker, told),
    async leave(worker) {
      await query(`delete from ${prefix}workers where id = $1`, [worker])
    },
    async tend(care: Care) {
      const now = clock.now()
      await giveBackUnits(database, care, { now, random })
      await closeFirings(database)
      if (now - forgotten < forgetEvery && now >= forgotten) return
      forgotten = now
      await forgetOld(database, now - care.keep)
    },
    ...looks(database),
    ...hands(database, clock),
    ...changes(database, clock),
    close: () => database.close(),
  }
}

/** Tries that end while others are being written down wait for those, and are then written down together. */
function endingsTogether(database: Database, { clock, random }: Pick<SqlQueueOptions, 'clock' | 'random'>): Queue['end'] {
  interface Waiting extends Settling {
    readonly told: PromiseWithResolvers<Execution | undefined>
  }
  let waiting: Waiting[] = []
  let isWriting = false
  const write = async () => {
    isWriting = true
    while (waiting.length > 0) {
      const now = waiting.slice(0, 200)
      waiting = waiting.slice(200)
      await endUnits(database.query, database, now).then(
        (ended) => now.forEach((one) => one.told.resolve(ended.has(one.execution.id) ? afterwards(one) : undefined)),
        (error: unknown) => now.forEach(({ told }) => told.reject(error)),
      )
    }
    isWriting = false
  }
  return async (execution: Execution, ending: Ending) => {
    const now = clock.now()
    const settling = { execution, settlement: settle(execution, ending, { now, random }) }
    if (ending.kind === 'exit' && ending.units !== undefined && settling.settlement.state === 'done') {
      const { units } = ending
      return await database.transaction(async (query) => {
        const ended = await endUnits(query, database, [settling])
        if (ended.size === 0) return undefined
        const { job, firing } = execution
        await addUnits(
          query,
          database,
          units.map((unit) => ({ ...unit, job, firing })),
          now,
        )
        return afterwards(settling)
      })
    }
    const told = Promise.withResolvers<Execution | undefined>()
    waiting.push({ ...settling, told })
    // Those that end in the same turn come along.
    if (!isWriting) queueMicrotask(() => void (isWriting ? undefined : write()))
    return await told.promise
  }
}

/** What a settlement does not name is empty now, whatever the try before had left there. */
const blank = {
  ended: undefined,
  exit: undefined,
  code: undefined,
  message: undefined,
  summary: undefined,
  requests: undefined,
  bytes: undefined,
}

function afterwards({ execution, settlement }: Settling): Execution {
  return { ...execution, ...blank, ...settlement, progress: undefined, isCancelling: false }
}

async function writeTold({ query, prefix }: Database, worker: string, told: readonly Told[]): Promise<void> {
  for (const { id, attempt, progress } of told) {
    if (progress === undefined) continue
    await query(`update ${prefix}executions set progress = $4 where id = $1 and worker = $2 and attempt = $3 and state = 'running'`, [
      id,
      worker,
      attempt,
      JSON.stringify(progress),
    ])
  }
  const lines = told.flatMap(({ id, attempt, lines }) => lines.map((line): [number, number, Line] => [id, attempt, line]))
  for (let at = 0; at < lines.length; at += linesAtOnce) {
    const some = lines.slice(at, at + linesAtOnce)
    await query(
      `insert into ${prefix}lines (execution, attempt, at, text) values ${placeholders(some.length, 4)}`,
      some.flatMap(([id, attempt, line]): Value[] => [id, attempt, line.at, line.text]),
    )
  }
}

/** Everything that only reads. */
function looks({ query, prefix }: Database): Pick<Queue, 'jobs' | 'executions' | 'execution' | 'counts' | 'log' | 'lastLines' | 'workers'> {
  const openUnits = `(select count(*) from ${prefix}executions where job = name and state in ('waiting', 'running'))`
  return {
    async jobs() {
      // A firing that nobody has closed yet is open, though all of its units have ended.
      const rows = await query(
        `select jobs.*, case when fired > closed and ${openUnits} = 0 then 1 else ${openUnits} end as open from ${prefix}jobs as jobs order by name`,
      )
      return rows.map(jobFrom)
    },
    async executions({ states: wanted, job, firing, before, limit = 100 }: ExecutionQuery = {}) {
      const conditions: string[] = []
      const values: Value[] = []
      const hold = (value: Value) => `$${values.push(value)}`
      if (wanted !== undefined && wanted.length > 0) conditions.push(`state in (${wanted.map(hold).join(', ')})`)
      if (job !== undefined) conditions.push(`job = ${hold(job)}`)
      if (firing !== undefined) conditions.push(`firing = ${hold(firing)}`)
      if (before !== undefined) conditions.push(`id < ${hold(before)}`)
      const where = conditions.length === 0 ? '' : `where ${conditions.join(' and ')}`
      return (await query(`select * from ${prefix}executions ${where} order by id desc limit ${hold(limit)}`, values)).map(executionFrom)
    },
    async execution(id) {
      const [row] = await query(`select * from ${prefix}executions where id = $1`, [id])
      return row === undefined ? undefined : executionFrom(row)
    },
    async counts() {
      const rows = await query(`select state, count(*) as units from ${prefix}executions group by state`)
      const counts = Object.fromEntries(states.map((state) => [state, 0])) as Record<State, number>
      for (const row of rows) counts[stateOf(row)] = numberOf(row, 'units')
      return counts
    },
    async log(execution, after = 0) {
      const rows = await query(
        `select id, attempt, at, text from ${prefix}lines where execution = $1 and id > $2 order by id limit 10000`,
        [execution, after],
      )
      return rows.map(lineFrom)
    },
    async lastLines(execution, count) {
      const rows = await query(`select id, attempt, at, text from ${prefix}lines where execution = $1 order by id desc limit $2`, [
        execution,
        count,
      ])
      return rows.map(lineFrom).toReversed()
    },
    workers: async () => (await query(`select * from ${prefix}workers order by started, id`)).map(workerFrom),
  }
}

function lineFrom(row: Row): LogLine {
  return { id: numberOf(row, 'id'), attempt: numberOf(row, 'attempt'), at: numberOf(row, 'at'), text: textOf(row, 'text') }
}

/** What people do by hand. */
function hands({ query, prefix, transaction }: Database, clock: Clock): Pick<Queue, 'cancel' | 'retry'> {
  return {
    async cancel(id) {
      const rows = await query(
        `update ${prefix}executions set
           cancelling = case when state = 'running' then 1 else 0 end,
           ended = case when state = 'running' then ended else $2 end,
           message = case when state = 'running' then message else 'cancelled by hand' end,
           state = case when state = 'running' then 'running' else 'cancelled' end
         where id = $1 and state in ('waiting', 'running') returning id`,
        [id, clock.now()],
      )
      return rows.length > 0
    },
    retry: (id) =>
      transaction(async (ask) => {
        // Another one with its key may wait or run by now, and does the same.
        const rows = await ask(
          `update ${prefix}executions as old set state = 'waiting', due = $2, ended = null,
             attempt = case when state = 'waiting' then attempt else 0 end
           where id = $1 and state in ('waiting', 'failed', 'dead', 'cancelled') and not exists (
             select 1 from ${prefix}executions as other where other.key = old.key and other.id <> old.id and other.state in ('waiting', 'running'))
           returning id, job, firing`,
          [id, clock.now()],
        )
        return rows.length > 0
      }),
  }
}
