/**
 * Units of work a second that do nothing, through a queue: added, taken, done, with a record of each. On PostgreSQL beside
 * graphile-worker on the same server, which keeps no record of what is done; with one it has a row to write for each.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { Logger, makeWorkerUtils, runTaskList } from 'graphile-worker'
import pg from 'pg'
import { type Queue, openFileQueue, openServerQueue, work } from '../src/daemon/index.ts'
import { silent, systemClock } from '../src/kit/index.ts'
import { createPostgres, whyNoPostgres } from '../test/services/postgres.ts'

const units = Number(process.env['UNITS'] ?? 5000)
const concurrency = 8
const rounds = 3
const reason = await whyNoPostgres()
if (reason !== undefined) throw new Error(reason)

const home = mkdtempSync(path.join(os.tmpdir(), 'holdfast-bench-queue-'))
const server = createPostgres(home, path.join(home, 'data'), '-c max_connections=60 -c shared_buffers=128MB')
server.run(server.lines.start)

interface Measured {
  readonly name: string
  /** Milliseconds of one round, the CPU time of this process in it included. */
  readonly run: () => Promise<void>
}

const options = { clock: systemClock, random: Math.random }

async function throughQueue(open: () => Promise<Queue>, limits: Record<string, number>): Promise<void> {
  const queue = await open()
  await queue.add(
    Array.from({ length: units }, (_unit, at) => ({
      key: `${at}`,
      words: ['nothing', `${at}`],
      source: 'bench',
      priority: 0,
      splits: false,
    })),
  )
  const stop = new AbortController()
  await work({
    queue,
    worker: { id: `bench-${Math.random()}`, host: 'bench', pid: process.pid, concurrency },
    limits: () => limits,
    runner: { clock: systemClock, run: async () => ({ exit: 0 }), split: async (words) => [words] },
    clock: systemClock,
    report: silent,
    stop: stop.signal,
    grace: () => 0,
    care: { isGone: () => false, keep: Number.MAX_SAFE_INTEGER },
    once: true,
  })
  const { done } = await queue.counts()
  if (done !== units) throw new Error(`${done} of ${units} are done`)
  await queue.close()
}

async function throughPeer(keepsRecord: boolean): Promise<void> {
  const logger = new Logger(() => () => undefined)
  const pgPool = new pg.Pool({ connectionString: server.url, max: concurrency + 2 })
  const utils = await makeWorkerUtils({ pgPool, logger })
  await utils.migrate()
  await pgPool.query(
    'create table if not exists records (id bigserial primary key, unit text not null, ended timestamptz not null default now(), exit int)',
  )
  await utils.addJobs(
    Array.from({ length: units }, (_unit, at) => ({ identifier: 'nothing', payload: { words: ['nothing', `${at}`] }, jobKey: `${at}` })),
  )
  let done = 0
  const all = Promise.withResolvers<void>()
  const pool = runTaskList(
    { logger, concurrency, noHandleSignals: true, preset: { worker: { localQueue: { size: concurrency * 2 }, completeJobBatchDelay: 0 } } },
    {
      async nothing(_payload, helpers) {
        if (keepsRecord) await helpers.query('insert into records (unit, exit) values ($1, 0)', [helpers.job.key ?? ''])
        if (++done === units) all.resolve()
      },
    },
    pgPool,
  )
  await all.promise
  await pool.gracefulShutdown()
  await utils.release()
  await pgPool.end()
}

const fresh = (schema: string) => server.query(`drop schema if exists ${schema} cascade; drop table if exists records`)
const measured: Measured[] = [
  {
    name: 'holdfast, PostgreSQL',
    run: async () => (fresh('holdfast'), await throughQueue(() => openServerQueue(server.url, options), {})),
  },
  {
    name: 'holdfast, PostgreSQL, a limit of its source',
    run: async () => (fresh('holdfast'), await throughQueue(() => openServerQueue(server.url, options), { bench: concurrency })),
  },
  { name: 'graphile-worker', run: async () => (fresh('graphile_worker'), await throughPeer(false)) },
  { name: 'graphile-worker and a row for each', run: async () => (fresh('graphile_worker'), await throughPeer(true)) },
  {
    name: 'holdfast, a file',
    run: async () => {
      rmSync(path.join(home, 'file'), { recursive: true, force: true })
      await throughQueue(() => openFileQueue(path.join(home, 'file/daemon.sqlite'), options), {})
    },
  },
]

const times = new Map(measured.map(({ name }) => [name, [] as number[]]))
for (let round = 0; round < rounds; round++) {
  for (const { name, run } of measured) {
    const begun = performance.now()
    await run()
    times.get(name)!.push(performance.now() - begun)
  }
}
for (const [name, each] of times) {
  const best = Math.min(...each)
  console.log(
    `${name.padEnd(46)} ${Math.round((units * 1000) / best)} units a second (best of ${rounds}; all: ${each.map((ms) => Math.round((units * 1000) / ms)).join(', ')})`,
  )
}
server.run(server.lines.stop)
rmSync(home, { recursive: true, force: true })
