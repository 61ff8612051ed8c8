/** A daemon and workers of the command line on a real PostgreSQL. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, test } from 'node:test'
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

test('a daemon fires, workers of other processes take, and everybody sees it', async (t) => {
  if (server === undefined) return t.skip(reason)
  const cwd = mkdtempSync(path.join(scratch, 'worker-'))
  mkdirSync(path.join(cwd, 'tree'))
  writeFileSync(path.join(cwd, 'tree/file'), 'content')
  const jobs = ['a', 'b', 'c', 'd'].map((name) => `[[job]]\nname = "${name}"\nrun = "snapshot create tree --name ${name}"\nevery = "1h"\n`)
  writeFileSync(path.join(cwd, 'holdfast.toml'), `queue = "${server.url}"\n[store]\nurl = "file:./store"\n${jobs.join('')}`)
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
  const json = async (line: string) =>
    (JSON.parse((await holdfast(`${line} --json`)).out) as { result: Record<string, { state: string }[]> }).result
  const stop = new AbortController()
  const workers = [holdfast('worker --concurrency 1', stop.signal), holdfast('worker --concurrency 3', stop.signal)]
  // Where something fails here they would go on for ever, and the tests with them.
  t.after(async () => {
    stop.abort()
    await Promise.allSettled(workers)
  })
  // Either could do all of the work before the other has begun.
  for (let known = 0; known < 2; known = (await json('jobs list'))['workers']?.length ?? 0) await setTimeout(20)
  for (const name of ['a', 'b', 'c', 'd']) {
    const { exit, err } = await holdfast(`jobs run ${name}`)
    assert.equal(exit, 0, err)
  }
  const ends = await Promise.all([1, 2, 3, 4].map((id) => holdfast(`jobs log ${id} --follow`)))
  assert.deepEqual(
    ends.map(({ exit }) => exit),
    [0, 0, 0, 0],
    ends.map(({ err }) => err).join(),
  )
  assert.equal((await json('jobs list'))['workers']?.length, 2)
  stop.abort()
  for (const { exit, out } of await Promise.all(workers)) assert.deepEqual([exit, /^ended: \d done, 0 failed/.test(out)], [0, true], out)
  const { units, workers: left, jobs: known } = await json('jobs list')
  assert.deepEqual(
    units?.map(({ state }) => state),
    ['done', 'done', 'done', 'done'],
  )
  assert.deepEqual(left, [])
  // They were run just now: none is due, and each knows how it went once someone has looked.
  assert.equal((await holdfast('daemon --once')).out, '0 done, 0 failed, 0 to be tried again\n')
  assert.equal(known?.length, 4)
})
