/** A daemon and workers of the command line on a real PostgreSQL. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, test, type TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { scratchDirectory } from '../../test/fakes/scratch.ts'
import { fakeTerminal } from '../../test/fakes/terminal.ts'
import { createPostgres, whyNoPostgres } from '../../test/services/postgres.ts'
import { systemClock } from '../kit/index.ts'
import { runCli } from './program.ts'

const reason = await whyNoPostgres()
// Before its files are removed.
after(() => server?.run(server.lines.stop))
const scratch = scratchDirectory()
const server = reason === undefined ? createPostgres(scratch, path.join(scratch, 'data'), '-c max_connections=40 -c fsync=off') : undefined
before(() => server?.run(server.lines.start))

/** A folder with a tree and these jobs, and two workers that take from the queue. */
async function twoWorkers(t: TestContext, url: string, jobs: readonly (readonly [name: string, run: string])[]) {
  const cwd = mkdtempSync(path.join(scratch, 'worker-'))
  mkdirSync(path.join(cwd, 'tree'))
  writeFileSync(path.join(cwd, 'tree/file'), 'content')
  const lines = jobs.map(([name, run]) => `[[job]]\nname = "${name}"\nrun = "${run}"\nevery = "1h"\n`)
  writeFileSync(path.join(cwd, 'holdfast.toml'), `queue = "${url}"\n[store]\nurl = "file:./store"\n${lines.join('')}`)
  const holdfast = async (line: string, signal?: AbortSignal) => {
    const terminal = fakeTerminal({
      cwd,
      env: { HOME: cwd, NO_COLOR: '1' },
      clock: systemClock,
      // Each process has its own: writers are told apart by it.
      random: Math.random,
      ...(signal === undefined ? {} : { signal }),
    })
    const exit = await runCli(line.split(' '), terminal.host)
    return { exit, out: terminal.out(), err: terminal.err() }
  }
  const list = async (line = '') => (JSON.parse((await holdfast(`jobs list --json${line}`)).out) as { result: Listed }).result
  const run = async (name: string) => {
    const { exit, err } = await holdfast(`jobs run ${name}`)
    assert.equal(exit, 0, err)
  }
  const follow = async (ids: readonly number[]) => {
    const ends = await Promise.all(ids.map((id) => holdfast(`jobs log ${id} --follow`)))
    assert.deepEqual(
      ends.filter(({ exit }) => exit !== 0).map(({ err }) => err),
      [],
    )
  }
  const stop = new AbortController()
  const workers = [holdfast('worker --concurrency 1', stop.signal), holdfast('worker --concurrency 3', stop.signal)]
  // Where something fails they would go on for ever, and the tests with them.
  t.after(async () => {
    stop.abort()
    await Promise.allSettled(workers)
  })
  // Either could do all of the work before the other has begun.
  for (let known = 0; known < 2; known = (await list()).workers.length) await setTimeout(20)
  const end = async () => {
    stop.abort()
    for (const { exit, out } of await Promise.all(workers)) assert.deepEqual([exit, /^ended: \d+ done, 0 failed/.test(out)], [0, true], out)
  }
  return { holdfast, list, run, follow, end }
}

interface Listed {
  readonly units: readonly { readonly id: number; readonly state: string; readonly command: string }[]
  readonly workers: readonly object[]
  readonly jobs: readonly object[]
}

test('a daemon fires, workers of other processes take, and everybody sees it', async (t) => {
  if (server === undefined) return t.skip(reason)
  const names = ['a', 'b', 'c', 'd']
  const at = await twoWorkers(
    t,
    server.url,
    names.map((name) => [name, `snapshot create tree --name ${name}`]),
  )
  for (const name of names) await at.run(name)
  await at.follow([1, 2, 3, 4])
  assert.equal((await at.list()).workers.length, 2)
  await at.end()
  const { units, workers, jobs } = await at.list()
  assert.deepEqual(
    units.map(({ state }) => state),
    ['done', 'done', 'done', 'done'],
  )
  assert.deepEqual(workers, [])
  // They were run just now: none is due, and each knows how it went once someone has looked.
  assert.equal((await at.holdfast('daemon --once')).out, '0 done, 0 failed, 0 to be tried again\n')
  assert.equal(jobs.length, 4)
})

test('a store that is to be read whole is parted among the workers', async (t) => {
  if (server === undefined) return t.skip(reason)
  const at = await twoWorkers(t, server.url, [
    ['keep', 'snapshot create tree'],
    ['read', 'store verify --read-data'],
  ])
  const unitsOf = async (job: string) => (await at.list(` --job ${job}`)).units
  for (const job of ['keep', 'read']) {
    await at.run(job)
    await at.follow((await unitsOf(job)).map(({ id }) => id))
  }
  await at.follow((await unitsOf('read')).map(({ id }) => id))
  const parts = Array.from({ length: 16 }, (_part, number) => `store verify --read-data=${number + 1}/16`)
  assert.deepEqual(
    (await unitsOf('read')).map(({ command, state }) => `${command} ${state}`).toSorted(),
    ['store verify --read-data', ...parts].map((command) => `${command} done`).toSorted(),
  )
  await at.end()
})
