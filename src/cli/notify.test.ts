import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, test } from 'node:test'
import { type Handler, startHttpServer } from '../../test/fakes/http-server.ts'
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

interface Event {
  readonly id: string
  readonly type: string
  readonly data: { readonly job?: string; readonly log?: readonly string[] }
}

/** A receiver that keeps what it is told; `deed` may answer otherwise. */
async function receiver(
  t: { after(work: () => Promise<void>): void },
  deed: Handler = (_request, response) => void response.writeHead(204).end(),
) {
  const heard: Event[] = []
  const waits = new Set<() => void>()
  const at = await startHttpServer(async (request, response, body) => {
    const event = JSON.parse((await body()).toString()) as Omit<Event, 'id'>
    heard.push({ ...event, id: String(request.headers['webhook-id']) })
    for (const look of waits) look()
    await deed(request, response, body)
  })
  t.after(() => at.close())
  const until = (count: number) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (heard.length >= count) resolve()
      }
      waits.add(look)
      look()
    })
  return { url: at.url, heard, until }
}

/** A project with a job that fails until its folder is there. */
function desk(notify: string, more = '', every = '1h') {
  const cwd = mkdtempSync(path.join(scratch, 'notify-'))
  writeFileSync(
    path.join(cwd, 'holdfast.toml'),
    `${more}\n[store]\nurl = "file:./store"\n[[job]]\nname = "keep"\nrun = "snapshot create tree"\nevery = "${every}"\n${notify}`,
  )
  const env = {
    PATH: process.env['PATH'],
    HOME: path.join(cwd, 'home'),
    USER: 'ann',
    NO_COLOR: '1',
    HOOK_URL: 'http://127.0.0.1:1/secret-path',
  }
  const holdfast = async (line: string, vary: Record<string, string> = {}) => {
    const terminal = fakeTerminal({ cwd, env: { ...env, ...vary }, clock: systemClock, random: Math.random })
    const exit = await runCli(line.split(' '), terminal.host)
    return { exit, out: terminal.out(), err: terminal.err() }
  }
  const json = async (line: string) => (JSON.parse((await holdfast(`${line} --json`)).out) as { result: Record<string, unknown> }).result
  const start = () => spawn(process.execPath, [path.join(import.meta.dirname, 'main.ts'), 'daemon'], { cwd, env, stdio: 'ignore' })
  const mend = () => {
    mkdirSync(path.join(cwd, 'tree'), { recursive: true })
    writeFileSync(path.join(cwd, 'tree/file'), 'content')
  }
  const breakIt = () => rmSync(path.join(cwd, 'tree'), { recursive: true })
  /** The next try of whoever could not be told is due. */
  const letTimePass = () => {
    const [file] = globSync('home/.local/state/holdfast/*/daemon.sqlite', { cwd })
    const queue = new DatabaseSync(path.join(cwd, file!))
    queue.exec('update targets set due = 0')
    queue.close()
  }
  return { holdfast, json, start, mend, breakIt, letTimePass }
}

const webhook = (url: string, more = '') => `[[notify]]\nkind = "webhook"\nurl = "${url}"\n${more}`

describe('holdfast notify', () => {
  test('test tells each target that this is a test, list says who there is', async (t) => {
    const { url, heard } = await receiver(t)
    const at = desk(
      `${webhook(url, 'jobs = ["keep"]\n')}[[notify]]\nname = "hook"\nkind = "webhook"\nurl_env = "HOOK_URL"\nremind = "1d"\n`,
    )
    const dry = await at.holdfast('notify test --dry-run')
    assert.deepEqual([dry.exit, heard.length], [0, 0], dry.err)
    assert.match(dry.out, /hook \(\$HOOK_URL\) would be told: a test from/)
    const one = await at.holdfast('notify test webhook')
    assert.deepEqual([one.exit, heard.map(({ type }) => type)], [0, ['notification.test']], one.err)
    assert.match(one.out, /^webhook was told in /)
    const all = await at.holdfast('notify test')
    assert.deepEqual([all.exit, heard.length], [11, 2])
    assert.match(
      all.err,
      /1 target of 2 could not be told:\n {2}hook: POST http:\/\/127\.0\.0\.1:1\[hidden\] failed: nothing listens there/,
    )
    const down = await at.holdfast('notify test hook')
    assert.equal(down.exit, 10)
    assert.doesNotMatch(`${all.out}${all.err}${down.err}`, /secret-path/)
    const { out } = await at.holdfast('notify list')
    assert.match(out, /webhook .*keep .*never .*waits for a daemon\nhook .*\$HOOK_URL .*all /s)
  })

  test('says what is missing: a target, a variable, any target at all', async () => {
    const at = desk('[[notify]]\nkind = "slack"\nurl_env = "SLACK_WEBHOOK_URL"\n')
    assert.deepEqual([(await at.holdfast('notify test')).exit, (await at.holdfast('notify test ops')).exit], [2, 2])
    const { exit, err } = await at.holdfast('daemon --once')
    assert.equal(exit, 2)
    assert.match(err, /slack: the variable SLACK_WEBHOOK_URL is not set/)
    const none = desk('')
    assert.equal((await none.holdfast('notify test')).exit, 3)
    assert.match((await none.holdfast('notify list')).out, /nobody is told/)
  })
})

describe('holdfast daemon --once', () => {
  test('tells that a job began to fail, and that it is well again, each once', async (t) => {
    const { url, heard } = await receiver(t)
    const at = desk(webhook(url))
    const once = async () => {
      await at.holdfast('jobs run keep')
      return await at.holdfast('daemon --once')
    }
    for (let run = 0; run < 3; run++) await once()
    at.mend()
    const { exit, err } = await once()
    assert.equal(exit, 0, err)
    assert.deepEqual(
      heard.map(({ type, data }) => [type, data.job]),
      [
        ['job.failed', 'keep'],
        ['job.recovered', 'keep'],
      ],
    )
    assert.match(heard[0]?.data.log?.join('\n') ?? '', /tree/)
  })

  test('ends as its jobs did, whoever cannot be told; that is said, shown, and made up for', async (t) => {
    let isDown = true
    const { url, heard } = await receiver(t, (_request, response) => void response.writeHead(isDown ? 500 : 204).end())
    const at = desk(webhook(url))
    const { exit, err } = await at.holdfast('daemon --once')
    assert.equal(exit, 4)
    assert.match(err, /webhook could not be told that keep failed: POST .* was answered with 500.*: trying again in 10/)
    assert.match((await at.holdfast('jobs list')).out, /webhook cannot be told: tried 1 time: .*500.*; again in/)
    const { targets } = (await at.json('notify list')) as { targets: { waiting: number; attempts: number }[] }
    assert.deepEqual(
      targets.map(({ waiting, attempts }) => [waiting, attempts]),
      [[1, 1]],
    )
    assert.match((await at.holdfast('doctor')).out, /webhook cannot be told/)
    isDown = false
    at.letTimePass()
    await at.holdfast('daemon --once')
    assert.deepEqual(
      heard.map(({ type }) => type),
      ['job.failed', 'job.failed'],
    )
    assert.equal(heard[0]?.id, heard[1]?.id)
  })
})

test('two daemons on one PostgreSQL tell each change once; one that is killed between telling and writing it down, at most twice', async (t) => {
  if (server === undefined) return t.skip(reason)
  let answer = true
  const killed = Promise.withResolvers<void>()
  const { url, heard, until } = await receiver(t, async (_request, response) => {
    if (!answer) await killed.promise
    response.writeHead(204).end()
  })
  const at = desk(webhook(url), `queue = "${server.url}"`, '1s')
  const daemons: ChildProcess[] = [at.start(), at.start()]
  t.after(async () => {
    for (const one of daemons) {
      if (one.exitCode !== null || one.signalCode !== null) continue
      one.kill('SIGKILL')
      await once(one, 'exit')
    }
  })
  await until(1)
  at.mend()
  await until(2)
  at.breakIt()
  await until(3)
  at.mend()
  await until(4)
  assert.deepEqual(
    heard.map(({ type }) => type),
    ['job.failed', 'job.recovered', 'job.failed', 'job.recovered'],
  )
  assert.equal(new Set(heard.map(({ id }) => id)).size, 4)
  // The receiver has it, and no daemon hears so.
  answer = false
  at.breakIt()
  await until(5)
  for (const one of daemons) {
    one.kill('SIGKILL')
    await once(one, 'exit')
  }
  answer = true
  killed.resolve()
  // As after the time for which the dead daemon holds it.
  server.query('update holdfast.targets set due = 0')
  daemons.push(at.start(), at.start())
  await until(6)
  at.mend()
  await until(7)
  assert.deepEqual(
    heard.slice(4).map(({ type }) => type),
    ['job.failed', 'job.failed', 'job.recovered'],
  )
  assert.deepEqual([heard[4]?.id === heard[5]?.id, new Set(heard.map(({ id }) => id)).size], [true, 6])
})
