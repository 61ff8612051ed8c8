import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, statSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { faultOf } from '../../../test/fakes/fault-of.ts'
import { manualClock } from '../../../test/fakes/manual-clock.ts'
import { queueConformance } from '../../../test/fakes/queue-conformance.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { formatSteps } from './database.ts'
import { openFileQueue } from './open.ts'

const scratch = scratchDirectory()

queueConformance('a queue in a file', (clock) => {
  return openFileQueue(path.join(mkdtempSync(path.join(scratch, 'queue-')), 'deep/daemon.sqlite'), { clock, random: () => 0.5 })
})

test('a file of the first format is brought up to date, and jobs that fail then are told of', async () => {
  const file = path.join(mkdtempSync(path.join(scratch, 'old-')), 'daemon.sqlite')
  const old = new DatabaseSync(file)
  for (const statement of formatSteps('', 'integer primary key autoincrement')[0]!) old.exec(statement)
  old.exec("insert into jobs (name, since, fired, closed, failures) values ('sync', 1, 1, 0, 7)")
  old.exec(
    `insert into executions (key, words, source, priority, splits, job, firing, state, due, created, ended, exit)
     values ('a', '["store"]', 'store', 0, 0, 'sync', 1, 'failed', 1, 1, 2, 8); pragma user_version = 1`,
  )
  old.close()
  const queue = await openFileQueue(file, { clock: manualClock(), random: () => 0.5 })
  assert.equal(await queue.holdChange('ops', 1000), undefined)
  await queue.tend({ isGone: () => false, lease: 30_000, keep: 86_400_000_000_000 })
  assert.equal((await queue.holdChange('ops', 1000))?.change.job, 'sync')
  await queue.close()
})

test('a file of a newer format is refused, and stays as it is', async () => {
  const file = path.join(mkdtempSync(path.join(scratch, 'new-')), 'daemon.sqlite')
  const newer = new DatabaseSync(file)
  newer.exec('pragma user_version = 99')
  newer.close()
  await faultOf(openFileQueue(file, { clock: manualClock(), random: () => 0.5 }), 'unsupported', /format 99/)
})

test('a queue is its owner’s alone, also in a folder that is not: logs of jobs are in it', async () => {
  const folder = path.join(mkdtempSync(path.join(scratch, 'own-')), 'open')
  mkdirSync(folder, { mode: 0o755 })
  const queue = await openFileQueue(path.join(folder, 'daemon.sqlite'), { clock: manualClock(), random: () => 0.5 })
  await queue.introduce(['sync'])
  for (const name of readdirSync(folder)) assert.equal(statSync(path.join(folder, name)).mode & 0o077, 0, name)
  await queue.close()
})
