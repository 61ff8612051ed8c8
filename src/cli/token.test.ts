import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { manualClock } from '../../test/fakes/manual-clock.ts'
import { scratchDirectory } from '../../test/fakes/scratch.ts'
import { fakeTerminal } from '../../test/fakes/terminal.ts'
import { runCli } from './program.ts'

const scratch = scratchDirectory()

function desk() {
  const cwd = mkdtempSync(path.join(scratch, 'cli-'))
  const clock = manualClock()
  const env = { PATH: process.env['PATH'], HOME: path.join(cwd, 'home'), USER: 'ann', NO_COLOR: '1' }
  const holdfast = async (line: string) => {
    const terminal = fakeTerminal({ cwd, env, clock })
    const exit = await runCli(line.split(' '), terminal.host)
    return { exit, out: terminal.out(), err: terminal.err() }
  }
  const json = async (line: string) => (JSON.parse((await holdfast(`${line} --json`)).out) as { result: Record<string, unknown> }).result
  return { cwd, env, clock, holdfast, json }
}

test('a token is shown once, listed without its secret, and good for nothing once it is revoked', async () => {
  const { holdfast, json } = desk()
  const made = await json('token create ci --scope release:promote,job:run --expires 2h')
  assert.match(String(made['secret']), /^hft_[0-9a-f]{12}_[\w-]{43}$/)
  assert.deepEqual([made['scopes'], made['expires']], [['release:promote', 'job:run'], '2025-01-15T16:30:00.000Z'])
  const shown = await holdfast('token create person --scope job:run')
  assert.match(shown.out, /^hft_[0-9a-f]{12}_[\w-]{43}\n$/)
  assert.match(shown.err, /token [0-9a-f]{12} \(person\): job:run; good until .*not shown again/)
  const list = await holdfast('token list')
  assert.match(list.out, /ci {2}.*release:promote,job:run.*until 2025-01-15 16:30/)
  assert.ok(!list.out.includes(String(made['secret'])))
  assert.equal((await holdfast(`token revoke ${String(made['id'])}`)).exit, 0)
  assert.match((await holdfast('token list')).out, /revoked/)
  assert.equal((await holdfast(`token revoke ${String(made['id'])}`)).exit, 3)
  assert.equal((await holdfast('token revoke none')).exit, 4)
})

test('tokens are good for thirty days unless told, or for ever', async () => {
  const { json } = desk()
  assert.equal((await json('token create a --scope *'))['expires'], '2025-02-14T14:30:00.000Z')
  assert.equal((await json('token create b --scope release:* --expires never'))['expires'], undefined)
})

test('a scope that there is not, a name that is none, and no scope at all are refused', async () => {
  const { holdfast } = desk()
  for (const line of [
    'token create ci --scope release:promte',
    'token create ci --scope rel:*',
    'token create / --scope *',
    'token create ci',
  ]) {
    const { exit, err } = await holdfast(line)
    assert.equal(exit, 2, line)
    assert.match(err, /error: /)
  }
})

test('who made and revoked tokens is in the audit log, which says that it is whole', async () => {
  const { holdfast, json } = desk()
  const { id } = await json('token create ci --scope *')
  await holdfast(`token revoke ${String(id)}`)
  const { exit, out } = await holdfast('token audit')
  assert.equal(exit, 0)
  assert.match(out, /token revoke {2}ann@.*\n.*token create {2}ann@.*\nthe log is whole\n$/)
})

test('a server says where it listens, answers there, and ends when it is told to', async () => {
  const { cwd, env, clock } = desk()
  const stop = new AbortController()
  const terminal = fakeTerminal({ cwd, env, clock, signal: stop.signal })
  const ended = runCli(['serve', '--port', '0'], terminal.host)
  let url: string | undefined
  while (url === undefined) {
    await new Promise((resolve) => setImmediate(resolve))
    url = / at (http:\S+)/.exec(terminal.err())?.[1]
  }
  assert.match(url, /^http:\/\/127\.0\.0\.1:\d+\/$/)
  const response = await fetch(`${url}healthz`)
  assert.equal(await response.text(), 'alive\n')
  stop.abort()
  assert.equal(await ended, 0)
})

test('a port that is none is refused', async () => {
  const { holdfast } = desk()
  const { exit, err } = await holdfast('serve --port 70000')
  assert.deepEqual([exit, /not a port/.test(err)], [2, true])
})
