import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { manualClock } from '../../test/fakes/manual-clock.ts'
import { addRuns, assertSame } from '../../test/fakes/run-desk.ts'
import { runServer } from '../../test/fakes/run-server.ts'
import { scratchDirectory } from '../../test/fakes/scratch.ts'
import { fakeTerminal } from '../../test/fakes/terminal.ts'
import { type Clock, systemClock } from '../kit/index.ts'
import { runCli } from './program.ts'

const scratch = scratchDirectory()

function desk() {
  const cwd = mkdtempSync(path.join(scratch, 'cli-'))
  const server = runServer(path.join(cwd, 'server'))
  const folder = path.join(cwd, 'here')
  const holdfast = async (line: string, options: { columns?: number; clock?: Clock } = {}) => {
    const env = { PATH: process.env['PATH'], HOME: path.join(cwd, 'home'), USER: 'ann', NO_COLOR: '1' }
    const terminal = fakeTerminal({ cwd, env, clock: manualClock(), ...options })
    const exit = await runCli(line.split(' '), terminal.host)
    return { exit, out: terminal.out(), err: terminal.err() }
  }
  const json = async (line: string, expected = 0) => {
    const { exit, out, err } = await holdfast(`${line} --json`)
    assert.equal(exit, expected, err)
    return (JSON.parse(out) as { result: Record<string, unknown> }).result
  }
  return { cwd, server, folder, holdfast, json }
}

test('the first sync names its source, and every later command knows it', async () => {
  const at = desk()
  const [first] = addRuns(at.server, 3)
  at.server.publish()
  const { exit, out } = await at.holdfast('runs sync file:./server --to here')
  assert.equal(exit, 0)
  assert.match(out, /^12 files fetched; .* written\n {2}by pages, revision 1, listed .* ago; 3 files opened, .* read at the source\n$/)
  assertSame(at)
  at.server.append(`${first}/events.jsonl`, '{"step":1}\n')
  at.server.publish()
  assert.match((await at.holdfast('runs status --to here')).out, /^~ vision\/.*\/events\.jsonl {2}\+11 B\n1 file to fetch, 11 B\n/)
  assert.match((await at.holdfast('runs sync --to here')).out, /^1 file continued; 11 B written\n/)
  assert.match((await at.holdfast('runs sync --to here')).out, /^nothing to do: nothing is new at the source\n .*1 file opened/)
  assert.match((await at.holdfast('runs verify --to here')).out, /^12 files, .*: all are what they were\n$/)
})

test('a folder without a source says what to name', async () => {
  const { exit, err } = await desk().holdfast('runs sync --to here')
  assert.equal(exit, 2)
  assert.match(err, /was not synced from anywhere yet/)
})

test('ls shows runs with project, name, status and what is here', async () => {
  const at = desk()
  addRuns(at.server, 2)
  at.server.publish()
  await at.json('runs pull 20250100_000000 --from file:./server --to here')
  const { out } = await at.holdfast('runs ls --to here')
  assert.match(out, /^PROJECT\/NAME +RUN +STATUS +UPDATED +FILES +SIZE +HERE\n/)
  assert.match(out, /vision\/resnet +20250100_000000 +running .* synced\n/)
  assert.match(out, /vision\/resnet +20250101_000001 +finished .* absent\n/)
  const { runs } = (await at.json('runs ls --to here --status running')) as { runs: { runId: string; here: string }[] }
  assert.deepEqual(
    runs.map(({ runId, here }) => [runId, here]),
    [['20250100_000000', 'synced']],
  )
})

test('ls on a narrow terminal keeps what a run is called, whole ids included', async () => {
  const at = desk()
  at.server.write('a-project-with-a-long-name/and-a-name-that-is-long/runs/20250101_120000_abc123/meta.json', '{}')
  at.server.publish()
  const { out } = await at.holdfast('runs ls file:./server --to here', { columns: 40 })
  assert.match(out, /^PROJECT\/NAME +RUN\na-project-with-.*… +20250101_120000_abc123\n/)
})

test('nothing is synced into the source itself', async () => {
  const at = desk()
  addRuns(at.server, 1)
  for (const place of ['server', 'server/vision/copy']) {
    const { exit, err } = await at.holdfast(`runs sync file:./server --to ${place}`)
    assert.equal(exit, 2)
    assert.match(err, /lies in the source of the runs/)
  }
  assert.deepEqual(
    [existsSync(path.join(at.server.root, '.holdfast')), existsSync(path.join(at.server.root, 'vision/copy'))],
    [false, false],
  )
})

test('a run that is not there exits with 3', async () => {
  const at = desk()
  addRuns(at.server, 1)
  at.server.publish()
  const { exit, err } = await at.holdfast('runs pull nobody --from file:./server --to here')
  assert.equal(exit, 3)
  assert.match(err, /no run at the source has the run "nobody"/)
  assert.match(err, /holdfast runs ls file:\S+\/server --to \S+\/here\n/)
})

test('what cannot be synced is listed, and exits with 11', async () => {
  const at = desk()
  const [first] = addRuns(at.server, 1)
  at.server.publish()
  await at.json('runs sync file:./server --to here')
  writeFileSync(path.join(at.folder, `${first}/meta.json`), 'mine')
  at.server.write(`${first}/meta.json`, 'theirs')
  at.server.publish()
  const { exit, err } = await at.holdfast('runs sync --to here')
  assert.equal(exit, 11)
  assert.match(err, /1 file could not be synced:\n.*meta\.json: it was edited here/)
  assert.equal((await at.holdfast('runs verify --to here')).exit, 1)
  assert.equal((await at.holdfast('runs sync --to here --force')).exit, 0)
  assert.equal((await at.holdfast('runs verify --to here')).exit, 0)
})

test('--dry-run makes nothing, not even the folder', async () => {
  const at = desk()
  addRuns(at.server, 1)
  at.server.publish()
  const { out } = await at.holdfast('runs sync file:./server --to here --dry-run')
  assert.match(out, /4 files to fetch/)
  assert.ok(!existsSync(at.folder))
})

test('a watch rests at least a second between two syncs', async () => {
  const at = desk()
  for (const pause of ['0', '0.5', '-1', 'x', '86401']) {
    const { exit, err } = await at.holdfast(`runs sync file:./server --to here --watch ${pause}`)
    assert.equal(exit, 2, pause)
    assert.match(err, /less than a second|not a number of seconds/)
    assert.match(err, /write a number from 1 to 86400/)
  }
  assert.ok(!existsSync(at.folder))
})

test('one sync waits for nothing, or a random part of --jitter', async () => {
  const at = desk()
  addRuns(at.server, 1)
  at.server.publish()
  const waits: number[] = []
  const clock: Clock = {
    now: systemClock.now,
    // Half of the jitter; those between two lines of progress are none of it.
    sleep: async (ms, signal) => (ms === 1500 ? void waits.push(ms) : await systemClock.sleep(ms, signal)),
  }
  assert.equal((await at.holdfast('runs sync file:./server --to here', { clock })).exit, 0)
  assert.deepEqual(waits, [])
  assert.equal((await at.holdfast('runs sync --to here --jitter 3', { clock })).exit, 0)
  assert.deepEqual(waits, [1500])
})

test('--delete asks first, and shows what would go', async () => {
  const at = desk()
  const [first] = addRuns(at.server, 1)
  at.server.publish()
  await at.json('runs sync file:./server --to here')
  at.server.remove(`${first}/meta.json`)
  at.server.publish()
  assert.match((await at.holdfast('runs sync --to here')).out, /1 file here that the source does not have any more/)
  const shown = await at.holdfast('runs sync --to here --delete --dry-run')
  assert.match(shown.out, new RegExp(`^nothing to fetch.*\n- ${first}/meta\\.json\n1 file to remove\n`))
  assert.deepEqual((await at.json('runs sync --to here --delete --dry-run'))['gone'], { count: 1, first: [`${first}/meta.json`] })
  assert.ok(existsSync(path.join(at.folder, `${first}/meta.json`)))
  const refused = await at.holdfast('runs sync --to here --delete')
  assert.equal(refused.exit, 2, 'there is nobody to ask')
  assert.match(refused.err, /meta\.json/)
  assert.ok(existsSync(path.join(at.folder, `${first}/meta.json`)))
  assert.equal((await at.json('runs sync --to here --delete --yes'))['filesDeleted'], 1)
  assertSame(at)
})

test('a fallback is said, and forbidden with --no-fallback', async () => {
  const at = desk()
  addRuns(at.server, 1)
  const forbidden = await at.holdfast('runs sync file:./server --to here --no-fallback')
  assert.equal(forbidden.exit, 4)
  const { exit, err, out } = await at.holdfast('runs sync file:./server --to here')
  assert.equal(exit, 0)
  assert.match(
    err,
    /warning: the pages of the manifest cannot be used, going on with the manifest of format 1\.0, which lists metadata and logs alone: media and other files stay as they are here: /,
  )
  assert.match(err, /warning: the manifest of format 1\.0 cannot be used, going on with a walk over all files/)
  assert.match(out, /by a walk over all files; .* opened, 1 listing/)
  rmSync(at.server.root, { recursive: true })
})
