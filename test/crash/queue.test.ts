/** Workers that are killed, and a database that is: every unit is done, and done once as far as anyone can see. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { after, test } from 'node:test'
import { openFileQueue, openServerQueue, type Queue } from '../../src/daemon/index.ts'
import { isFault, systemClock } from '../../src/kit/index.ts'
import { scratchDirectory } from '../fakes/scratch.ts'
import { seededRandom, testSeed } from '../fakes/seeded-random.ts'
import { createPostgres, whyNoPostgres } from '../services/postgres.ts'

const isLong = process.env['HOLDFAST_SOAK'] === '1'
const child = path.join(import.meta.dirname, 'queue-worker-child.ts')
const random = seededRandom(testSeed)

const reason = await whyNoPostgres()
const stops: (() => void)[] = []
after(() => stops.forEach((stop) => stop()))
const scratch = scratchDirectory()

test(`workers and their database, killed at random, do each unit once (seed ${testSeed})`, async (t) => {
  if (reason !== undefined) return t.skip(reason)
  const server = createPostgres(scratch, path.join(scratch, 'data'), '-c max_connections=90 -c shared_buffers=64MB')
  server.run(server.lines.start)
  stops.push(() => server.run(server.lines.stop))
  const kills = await killedAtRandom({
    queue: await openServerQueue(server.url, { clock: systemClock, random }),
    place: server.url,
    units: isLong ? 5000 : 400,
    workers: isLong ? 8 : 4,
    killEvery: isLong ? 40 : 60,
    // As a power cut would: nothing is written any more, and the next start recovers from the log.
    crash: () => {
      server.run(server.lines.stop.replace('-m fast', '-m immediate'))
      server.run(server.lines.start)
    },
  })
  t.diagnostic(`${kills.workers} workers and the database ${kills.databases} times`)
})

test(`workers on one file, killed at random, do each unit once (seed ${testSeed})`, async (t) => {
  const place = path.join(scratch, 'daemon.sqlite')
  const kills = await killedAtRandom({
    queue: await openFileQueue(place, { clock: systemClock, random }),
    place,
    units: isLong ? 3000 : 300,
    workers: 3,
    killEvery: isLong ? 40 : 60,
  })
  t.diagnostic(`${kills.workers} workers`)
})

interface Scene {
  readonly queue: Queue
  readonly place: string
  readonly units: number
  readonly workers: number
  /** A kill after so many units, about. */
  readonly killEvery: number
  readonly crash?: () => void
}

async function killedAtRandom({ queue, place, units, workers, killEvery, crash }: Scene): Promise<{ workers: number; databases: number }> {
  const folder = path.join(scratch, `done-${path.basename(place).replaceAll(/\W/g, '-')}`)
  mkdirSync(folder)
  await queue.add(
    Array.from({ length: units }, (_unit, at) => {
      return { key: `unit ${at}`, words: ['do', `${at}`], source: at % 5 === 0 ? 'narrow' : 'wide', priority: at % 3, splits: false }
    }),
  )
  const running = new Set<ChildProcess>()
  const died: string[] = []
  let started = 0
  const start = () => {
    const name = `w${++started}`
    const one = spawn(process.execPath, [child, place, folder, name], { stdio: ['ignore', 'ignore', 'inherit'] })
    running.add(one)
    one.once('exit', (code, signal) => {
      running.delete(one)
      // One that has just begun does not hear SIGTERM yet.
      if (code !== 0 && signal === null) died.push(`${name} ended with ${code}`)
    })
  }
  for (let count = 0; count < workers; count++) start()
  const kills = { workers: 0, databases: 0 }
  let next = killEvery
  for (let done = 0; done < units; done = await doneIn(queue)) {
    if (done >= next) {
      next = done + Math.ceil(killEvery * (0.5 + random()))
      if (crash !== undefined && (random() < 0.25 || (kills.databases === 0 && kills.workers > 1))) {
        kills.databases++
        crash()
      } else {
        kills.workers++
        const all = [...running]
        all[Math.floor(random() * all.length)]?.kill('SIGKILL')
      }
    }
    while (running.size < workers) start()
    await systemClock.sleep(20)
  }
  for (const one of running) one.kill('SIGTERM')
  while (running.size > 0) await systemClock.sleep(20)

  assert.deepEqual(died, [], 'workers outlive their database')
  const states = await steadily(() => queue.counts())
  assert.deepEqual({ ...states }, { waiting: 0, running: 0, done: units, failed: 0, dead: 0, cancelled: 0 })
  assert.equal(readdirSync(folder).length, units)
  const all = await steadily(() => queue.executions({ limit: units }))
  for (const { words, worker, summary } of all) {
    // What the record says was done by a worker, that worker has done to its end.
    const lines = readFileSync(path.join(folder, words[1]!), 'utf8').split('\n')
    assert.ok(lines.includes(`ends ${worker}`), `unit ${words[1]}: ${lines.join(', ')}; recorded: ${worker}`)
    assert.equal(summary, `by ${worker}`)
  }
  assert.ok(kills.workers > 0)
  assert.ok(crash === undefined || kills.databases > 0)
  await queue.close()
  return kills
}

async function doneIn(queue: Queue): Promise<number> {
  return (await steadily(() => queue.counts())).done
}

/** Asks again while the database starts. */
async function steadily<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if (!isFault(error, 'unavailable')) throw error
      await systemClock.sleep(50)
    }
  }
}
