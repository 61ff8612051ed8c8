import { Fault } from '../../kit/index.ts'

export type Value = string | number | null
export type Row = Readonly<Record<string, Value>>

/**
 * What a queue asks of a database, in the SQL that SQLite and PostgreSQL share: parameters are `$1`, times and truths are numbers.
 * Throws Faults only: `unavailable` where trying again may help.
 */
export interface Database {
  readonly name: string
  /** Stands before the name of each table. */
  readonly prefix: string
  /** Ends a select of rows that others may be taking at this moment: those are passed over. */
  readonly skipLocked: string
  query(sql: string, values?: readonly Value[]): Promise<Row[]>
  /** All of it or nothing; of several at once with the same key one waits for the other. */
  transaction<T>(work: (query: Database['query']) => Promise<T>, exclusive?: string): Promise<T>
  close(): Promise<void>
}

/** The steps from one format to the next, in order; the number of those taken is the format. */
export function formatSteps(prefix: string, identity: string): readonly (readonly string[])[] {
  return [firstTables(prefix, identity), tablesOfChanges(prefix, identity)]
}

function firstTables(prefix: string, identity: string): readonly string[] {
  return [
    `create table ${prefix}facts (name text primary key, value text not null)`,
    `create table ${prefix}jobs (
      name text primary key,
      since bigint not null,
      fired bigint not null default 0,
      closed bigint not null default 0,
      due bigint,
      ended bigint,
      exit bigint,
      succeeded bigint,
      failures bigint not null default 0
    )`,
    `create table ${prefix}executions (
      id ${identity},
      key text not null,
      words text not null,
      source text not null,
      priority bigint not null,
      timeout bigint,
      splits bigint not null,
      job text,
      firing bigint,
      state text not null,
      attempt bigint not null default 0,
      due bigint not null,
      created bigint not null,
      started bigint,
      ended bigint,
      worker text,
      cancelling bigint not null default 0,
      exit bigint,
      code text,
      message text,
      summary text,
      requests bigint,
      bytes bigint,
      progress text
    )`,
    `create unique index by_open_key on ${prefix}executions (key) where state in ('waiting', 'running')`,
    `create index by_waiting on ${prefix}executions (priority desc, due, id) where state = 'waiting'`,
    `create index by_open_job on ${prefix}executions (job) where job is not null and state in ('waiting', 'running')`,
    `create index by_running on ${prefix}executions (worker) where state = 'running'`,
    `create index by_firing on ${prefix}executions (job, firing) where job is not null`,
    `create index by_ended on ${prefix}executions (ended) where ended is not null`,
    `create table ${prefix}lines (
      id ${identity},
      execution bigint not null,
      attempt bigint not null,
      at bigint not null,
      text text not null
    )`,
    `create index by_lines on ${prefix}lines (execution, id)`,
    `create table ${prefix}workers (
      id text primary key,
      host text not null,
      pid bigint not null,
      machine text,
      concurrency bigint not null,
      started bigint not null,
      beaten bigint not null
    )`,
  ]
}

/** When jobs begin to fail and are well again, and who was told of it. */
function tablesOfChanges(prefix: string, identity: string): readonly string[] {
  return [
    `alter table ${prefix}jobs add column failing bigint`,
    `create table ${prefix}changes (
      id ${identity},
      job text not null,
      firing bigint not null,
      kind text not null,
      at bigint not null,
      exit bigint not null,
      since bigint not null,
      previous bigint,
      failures bigint not null,
      failed bigint not null,
      units text not null
    )`,
    `create index by_change on ${prefix}changes (job, since)`,
    `create table ${prefix}targets (
      name text primary key,
      told bigint not null,
      attempts bigint not null default 0,
      due bigint not null default 0,
      message text,
      succeeded bigint,
      given_up bigint not null default 0
    )`,
  ]
}

export function tooNew(at: string, format: number, known: number): Fault {
  return new Fault('unsupported', `the queue has format ${format}, and this version of holdfast knows up to ${known}`, {
    at,
    hint: 'use the newer version that made it',
  })
}
