import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, closeSync, constants, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { scratchDirectory } from '../../test/fakes/scratch.ts'
import { listenOn, makePipes } from '../../test/fakes/pipes.ts'
import { fakeTerminal } from '../../test/fakes/terminal.ts'
import { systemClock } from '../kit/index.ts'
import { runCli } from './program.ts'

const scratch = scratchDirectory()

const jobs = `
[[job]]
name = "keep"
run = "snapshot create tree"
every = "1h"
[[job]]
name = "check"
run = "snapshot verify"
after = "keep"
`

function desk(config = jobs) {
  const cwd = mkdtempSync(path.join(scratch, 'daemon-'))
  mkdirSync(path.join(cwd, 'tree'))
  writeFileSync(path.join(cwd, 'tree/file'), 'content')
  const configure = (text: string) => writeFileSync(path.join(cwd, 'holdfast.toml'), `[store]\nurl = "file:./store"\n${text}`)
  configure(config)
  const env = { PATH: process.env['PATH'], HOME: path.join(cwd, 'home'), USER: 'ann', NO_COLOR: '1' }
  const holdfast = async (line: string, more: Record<string, string> = {}) => {
    const terminal = fakeTerminal({ cwd, env: { ...env, ...more }, clock: systemClock })
    const exit = await runCli(line.split(' '), terminal.host)
    return { exit, out: terminal.out(), err: terminal.err() }
  }
  const json = async (line: string) => (JSON.parse((await holdfast(`${line} --json`)).out) as { result: Record<string, unknown> }).result
  const start = (...words: string[]) => {
    const child = spawn(process.execPath, [path.join(import.meta.dirname, 'main.ts'), ...words], {
      cwd,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    return { child, said: listenTo(child) }
  }
  return { cwd, configure, holdfast, json, start }
}

interface Said {
  text(): string
  /** Until that was said. */
  until(form: RegExp): Promise<void>
  readonly ended: Promise<number | null>
}

function listenTo(child: ChildProcess): Said {
  let text = ''
  const looks = new Set<() => void>()
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (piece: Buffer) => {
      text += piece.toString()
      for (const look of looks) look()
    })
  }
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  return {
    text: () => text,
    ended,
    until: (form) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (form.test(text)) resolve()
        }
        looks.add(look)
        void ended.then(() => reject(new Error(`ended, and never said ${form}: ${text}`)))
        look()
      }),
  }
}

describe('holdfast daemon --once', () => {
  test('says where no job is configured', async () => {
    const { exit, out, err } = await desk('').holdfast('daemon --once')
    assert.deepEqual([exit, out], [0, '0 done, 0 failed, 0 to be tried again\n'])
    assert.match(err, /no job is configured/)
  })

  test('runs what is due and what comes after it, tells how it went, and the second time finds nothing', async () => {
    const at = desk()
    const { exit, out, err } = await at.holdfast('daemon --once')
    assert.equal(exit, 0, err)
    assert.equal(out, '2 done, 0 failed, 0 to be tried again\n')
    assert.match(
      err,
      /info  snapshot create tree: begins event=unit_begin unit=1 job=keep try=1 worker=\S+\n.* info  snapshot create tree: done event=unit_end unit=1 job=keep .*\n.* snapshot verify: begins .*\n.* snapshot verify: done event=unit_end unit=2 job=check/,
    )
    assert.equal((await at.holdfast('daemon --once')).out, '0 done, 0 failed, 0 to be tried again\n')
    const { jobs, units, workers, counts } = (await at.json('jobs list')) as Record<string, { name: string; exit: number; state: string }[]>
    assert.deepEqual(
      jobs!.map(({ name, exit }) => [name, exit]),
      [
        ['keep', 0],
        ['check', 0],
      ],
    )
    assert.deepEqual(
      units!.map(({ state }) => state),
      ['done', 'done'],
    )
    assert.deepEqual([workers, counts], [[], { waiting: 0, running: 0, done: 2, failed: 0, dead: 0, cancelled: 0 }])
  })

  test('ends with the worst exit status, and the log says why', async () => {
    const at = desk(
      '[[job]]\nrun = "snapshot create nothing-here"\nname = "fails"\nevery = "1h"\n[[job]]\nrun = "snapshot create tree"\nevery = "1h"\n',
    )
    const { exit, err } = await at.holdfast('daemon --once')
    assert.equal(exit, 4, err)
    assert.match(err, /error snapshot create nothing-here: failed: .*unit=1 job=fails .* exit=4 code=not-found duration_ms=\d+/)
    assert.match((await at.holdfast('jobs log 1')).out, /nothing-here/)
    assert.match((await at.holdfast('jobs show 1')).out, /state {7}failed[^]*exit {8}4\n {2}because/)
    assert.equal((await at.holdfast('jobs retry 1')).exit, 0)
    assert.equal((await at.holdfast('jobs cancel 1')).exit, 0)
    assert.equal((await at.holdfast('jobs cancel 1')).exit, 3)
    assert.equal((await at.holdfast('jobs show 77')).exit, 4)
  })
})

test('doctor looks at jobs, their queue, who works on it and what went wrong', async () => {
  const at = desk('[[job]]\nname = "fails"\nrun = "snapshot create nothing-here"\nevery = "1h"\n')
  await at.holdfast('daemon --once')
  const { out } = await at.holdfast('doctor')
  assert.match(out, /commands +1 job\n/)
  assert.match(out, /warning +daemon +nobody works on the queue/)
  assert.match(out, /warning +fails +ended with 4, 1 time in a row/)
  at.configure('[[job]]\nrun = "snapshot creat"\nevery = "1h"\n')
  const { exit, out: refused } = await at.holdfast('doctor')
  assert.equal(exit, 1)
  assert.match(refused, /PROBLEM +commands +[^]*unknown command 'creat'/)
})

describe('jobs that cannot run', () => {
  const refusal = async (config: string) => {
    const { exit, err } = await desk(config).holdfast('daemon --once')
    assert.equal(exit, 2, err)
    return err
  }

  test('are told all at once, each with its line and column', async () => {
    const err = await refusal(
      '[[job]]\nrun = "snapshot creat tree"\nevery = "1h"\n[[job]]\nname = "b"\nrun = "store verify --fast"\nevery = "1h"\n',
    )
    assert.match(err, /2 jobs cannot run:\n {2}holdfast.toml:4:7: job snapshot-creat-tree: snapshot creat tree: unknown command 'creat'/)
    assert.match(err, /holdfast.toml:8:7: job b: store verify --fast: unknown option '--fast'/)
  })

  test('are those that never end, and those that need a shell', async () => {
    assert.match(await refusal('[[job]]\nrun = "daemon"\nevery = "1h"\n'), /no command that ends by itself/)
    assert.match(await refusal('[[job]]\nrun = "index serve"\nevery = "1h"\n'), /no command that ends by itself/)
    assert.match(await refusal('[[job]]\nrun = "runs sync --watch 5"\nevery = "1h"\n'), /never ends/)
    assert.match(await refusal('[[job]]\nrun = "store stats > file"\nevery = "1h"\n'), /holdfast.toml:4:7: job\[0\].run: > is for a shell/)
    assert.match(await refusal('[[job]]\nrun = "store stats \'x"\nevery = "1h"\n'), /a quote without its end/)
  })

  test('are those that would ask somebody', async () => {
    const ask = /holdfast.toml:4:7: job a: release prune: it asks before it goes on, and nobody is there to be asked: add --yes/
    const job = (run: string) => `[[job]]\nrun = "${run}"\nname = "a"\nevery = "1h"\n`
    assert.match(await refusal(job('release prune')), ask)
    for (const line of ['snapshot forget --keep-last 3', 'env delete stage one', 'images push velox-one', 'release create'])
      assert.match(await refusal(job(line)), /add --yes/, line)
    for (const line of ['release prune --yes', 'release prune --dry-run']) {
      const { err } = await desk(job(line)).holdfast('daemon --once')
      assert.doesNotMatch(err, /add --yes/, line)
    }
  })

  test('are those whose schedule says nothing, too much, or is unreadable', async () => {
    assert.match(await refusal('[[job]]\nrun = "store stats"\n'), /holdfast.toml:4:7: job\[0\].run: expected one of every, at and after/)
    assert.match(await refusal('[[job]]\nrun = "store stats"\nevery = "1h"\nat = "0 3 * * *"\n'), /holdfast.toml:6:6: .*found every and at/)
    assert.match(await refusal('[[job]]\nrun = "store stats"\nat = "0 25 * * *"\n'), /holdfast.toml:5:6: job\[0\].at: not a cron line/)
    assert.match(await refusal('[[job]]\nrun = "store stats"\nat = "0 0 30 2 *"\n'), /no time ever fits/)
    assert.match(await refusal('[[job]]\nrun = "store stats"\nat = "0 3 * * *"\ntimezone = "Mars/Base"\n'), /job\[0\].at: not a cron line/)
    assert.match(await refusal('[[job]]\nrun = "store stats"\nafter = "nobody"\n'), /holdfast.toml:5:9: .*there is no job "nobody"/)
    const circle = '[[job]]\nname = "a"\nrun = "store stats"\nafter = "b"\n[[job]]\nname = "b"\nrun = "store stats"\nafter = "a"\n'
    assert.match(await refusal(circle), /the jobs wait for one another: a after b after a/)
    assert.match(
      await refusal('[[job]]\nrun = "store stats"\nevery = "1h"\n[[job]]\nrun = "store stats"\nevery = "2h"\n'),
      /"store-stats" is the name of another job too/,
    )
    assert.match(await refusal('[[job]]\nrun = "store stats"\nevery = "1m"\njitter = "2m"\n'), /expected less than `every`/)
  })

  test('a password of the queue in the file is refused, and not shown', async () => {
    const { exit, err } = await desk('').holdfast('jobs list', { HOLDFAST_CONFIG: '' })
    assert.equal(exit, 0, err)
    const at = desk('')
    writeFileSync(path.join(at.cwd, 'holdfast.toml'), 'queue = "postgres://ann:hunter22@db/jobs"\n')
    const refused = await at.holdfast('jobs list')
    assert.equal(refused.exit, 2)
    assert.match(refused.err, /holdfast.toml:1:9: queue: a password does not belong into a file/)
    assert.doesNotMatch(refused.err, /hunter22/)
  })
})

test('a worker without a shared queue says what it needs', async () => {
  const { exit, err } = await desk().holdfast('worker')
  assert.equal(exit, 7)
  assert.match(err, /HOLDFAST_QUEUE_URL/)
})

test('a queue that cannot be reached says so without its password', async () => {
  const { exit, err } = await desk().holdfast('jobs list', { HOLDFAST_QUEUE_URL: 'postgres://ann:hunter22@127.0.0.1:1/jobs' })
  assert.equal(exit, 10)
  assert.match(err, /the queue’s database cannot be reached/)
  assert.doesNotMatch(err, /hunter22/)
})

test('a daemon runs jobs by hand, is followed, reloads, keeps what it has where a file is wrong, and ends on SIGTERM', async () => {
  const at = desk(jobs.replace('every = "1h"', 'at = "0 0 1 1 *"'))
  const { child, said } = at.start('daemon')
  await said.until(/2 jobs, queue .*daemon.sqlite/)
  const asked = await at.holdfast('jobs run keep')
  assert.equal(asked.exit, 0, asked.err)
  const followed = await at.holdfast('jobs log 1 --follow')
  assert.equal(followed.exit, 0, followed.err)
  assert.match(followed.out, /unit #1[^]*state +done/)
  await said.until(/snapshot verify: done .*job=check/)
  at.configure('[[job]]\nrun = "snapshot creat tree"\nevery = "1h"\n')
  child.kill('SIGHUP')
  await said.until(/the configuration stays as it was: .*unknown command/)
  at.configure(`${jobs}[[job]]\nrun = "store stats"\nevery = "1h"\n`)
  child.kill('SIGHUP')
  await said.until(/read anew: 3 jobs/)
  await said.until(/store stats: done .*job=store-stats/)
  child.kill('SIGTERM')
  assert.equal(await said.ended, 0, said.text())
  assert.match(said.text(), /ended: \d+ done, 0 failed/)
})

test('a daemon that is killed takes its build with it, and is followed by one that goes on with what it held', async (t) => {
  const [pipe] = makePipes(scratch, 1) as [string]
  // Where nobody ever spoke, who listens would wait for ever.
  t.after(() => closeSync(openSync(pipe, constants.O_RDWR)))
  const at = desk(
    `[[job]]
name = "slow"
run = "release create --yes --verbose"
every = "1h"
[release.lib]
artifact = "tree/file"
build = "exec 9>${pipe}; echo builds; echo begins >&9; until test -e again; do sleep 0.1; done; echo ends >&9"
variants = { one = {} }
`,
  )
  const first = at.start('daemon')
  const whileFirst = listenOn(pipe)
  // What it says is heard by the daemon: then it has long been noted who has to end with it.
  while (!/builds/.test((await at.holdfast('jobs log 1')).out)) {
    assert.equal(first.child.exitCode, null, first.said.text())
    await setTimeout(50)
  }
  first.child.kill('SIGKILL')
  await first.said.ended
  assert.equal(await whileFirst, 'begins\n')
  writeFileSync(path.join(at.cwd, 'again'), '')
  const whileSecond = listenOn(pipe)
  const second = at.start('daemon')
  await second.said.until(/release create --yes --verbose: done .*unit=1 job=slow try=2/)
  assert.equal(await whileSecond, 'begins\nends\n')
  second.child.kill('SIGTERM')
  assert.equal(await second.said.ended, 0)
  assert.equal((await at.json('jobs show 1'))['attempt'], 2)
})

test('a store that is to be read whole is read in sixteen units, one of which finds the damage', async () => {
  const at = desk('[[job]]\nname = "read"\nrun = "store verify --read-data"\nevery = "1h"\n')
  await at.holdfast('snapshot create tree')
  const packs = path.join(at.cwd, 'store/packs')
  const pack = readdirSync(packs, { recursive: true, withFileTypes: true }).find((entry) => entry.isFile())
  const file = path.join(pack!.parentPath, pack!.name)
  const bytes = readFileSync(file)
  bytes[0]! ^= 1
  chmodSync(file, 0o600)
  writeFileSync(file, bytes)
  const { exit, out } = await at.holdfast('daemon --once')
  assert.deepEqual([exit, out], [1, '16 done, 1 failed, 0 to be tried again\n'])
  const units = (await at.json('jobs list'))['units'] as { id: number; command: string; state: string }[]
  const parts = Array.from({ length: 16 }, (_part, number) => `store verify --read-data=${number + 1}/16`)
  assert.deepEqual(units.map(({ command }) => command).toSorted(), ['store verify --read-data', ...parts].toSorted())
  const { id } = units.find(({ state }) => state === 'failed')!
  // What a check finds stands in its log.
  assert.match((await at.holdfast(`jobs log ${id}`)).out, new RegExp(`damaged: packs/.*${pack!.name}[^]*1 damaged or missing`))
})
