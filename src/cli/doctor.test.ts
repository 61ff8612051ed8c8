import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { type Clock, systemClock } from '../kit/index.ts'
import { fakeTerminal } from '../../test/fakes/terminal.ts'
import { paintFor } from './colour.ts'
import { type Finding, findingsText } from './doctor/finding.ts'
import { checkNode } from './doctor/machine.ts'
import { runCli } from './program.ts'

const root = mkdtempSync(path.join(tmpdir(), 'holdfast-doctor-'))
after(() => rmSync(root, { recursive: true }))
let count = 0

/** The machine's time, but waits between tries are skipped. */
const hastyClock: Clock = { now: () => systemClock.now(), sleep: () => new Promise((resolve) => setImmediate(resolve)) }

/** Runs doctor in a folder of its own that has this holdfast.toml. */
async function doctor(config: string | undefined, args: readonly string[] = [], variables: Record<string, string> = {}) {
  const cwd = path.join(root, String(count++))
  mkdirSync(cwd)
  if (config !== undefined) writeFileSync(path.join(cwd, 'holdfast.toml'), config)
  const env = { PATH: process.env['PATH'], HOME: path.join(cwd, 'home'), ...variables }
  const terminal = fakeTerminal({ cwd, env, clock: hastyClock })
  const exit = await runCli(['doctor', ...args, '--json', '--quiet'], terminal.host)
  const { findings } = JSON.parse(terminal.out()).result as { findings: Finding[] }
  return { cwd, exit, findings, find: (about: string) => findings.find((finding) => finding.about === about) }
}

test('on a machine in order everything is ok, and nothing stays behind in the store', async () => {
  const { cwd, exit, findings, find } = await doctor('[store]\nurl = "file:./store"\n')
  assert.deepEqual(
    findings.filter(({ level }) => level === 'problem'),
    [],
  )
  assert.equal(exit, 0)
  for (const about of ['Node', 'git', 'file', 'state folder', 'cache folder', 'reach', 'write', 'read', 'delete', 'clock']) {
    assert.equal(find(about)?.level, 'ok', about)
  }
  assert.match(find('conditional write')!.says, /20 puts .* exactly one succeeded/)
  const left = existsSync(path.join(cwd, 'store')) ? readdirSync(path.join(cwd, 'store')).filter((name) => !name.startsWith('.~')) : []
  assert.deepEqual(left, [])
  // Tokens and logs of jobs will lie there.
  assert.equal(statSync(find('state folder')!.says).mode & 0o077, 0)
})

test('without a configuration it warns, and goes on with the defaults', async () => {
  const { exit, find } = await doctor(undefined)
  assert.equal(exit, 0)
  assert.equal(find('file')?.level, 'warning')
  assert.equal(find('file')?.fix, 'holdfast init')
  assert.equal(find('read')?.level, 'ok')
})

test('a broken configuration is a problem with its place, and the exit status is 1', async () => {
  const { exit, find } = await doctor('[store]\nurrl = "file:./store"\n')
  assert.equal(exit, 1)
  assert.equal(find('file')?.level, 'problem')
  assert.match(find('file')!.says, /holdfast\.toml:2/)
})

test('a store that cannot be written is a problem', async () => {
  const { cwd, exit, findings } = await doctor('[store]\nurl = "file:./taken/store"\n')
  assert.equal(exit, 0, 'a folder that is missing is made')
  writeFileSync(path.join(cwd, 'plain'), '')
  const bad = await doctor(`[store]\nurl = "file://${cwd}/plain/store"\n`)
  assert.equal(bad.exit, 1)
  assert.ok(bad.findings.some(({ area, level, fix }) => area.startsWith('store') && level === 'problem' && fix !== undefined))
  assert.ok(findings.length > 5)
})

test('folders that cannot be written are problems', async () => {
  const { find, exit } = await doctor(undefined, [], { XDG_STATE_HOME: '/dev/null/state' })
  assert.equal(exit, 1)
  assert.equal(find('state folder')?.level, 'problem')
})

test('--full holds the store to the conformance suite', async () => {
  const { exit, find } = await doctor(undefined, ['--store', 'memory:doctor', '--full'])
  assert.equal(find('conformance')?.level, 'ok')
  assert.match(find('conformance')!.says, /^\d+ cases passed/)
  assert.equal(exit, 0)
})

test('a Node that is too old is a problem with its fix', () => {
  assert.equal(checkNode('24.15.0', '24.15').level, 'ok')
  assert.equal(checkNode('26.0.0', '24.15').level, 'ok')
  assert.equal(checkNode('24.14.9', '24.15').level, 'problem')
  assert.equal(checkNode('20.20.2', '24.15').level, 'problem')
})

test('findings fit the terminal, each problem with its fix below it', () => {
  const findings: Finding[] = [
    {
      area: 'store s3://bucket',
      about: 'conditional write',
      level: 'problem',
      says: '3 of 20 puts if absent at once succeeded: exactly one may',
      fix: 'use another store',
    },
    { area: 'store s3://bucket', about: 'clock', level: 'ok', says: 'agrees with this machine', fix: 'let NTP set the clock' },
  ]
  for (const width of [40, 80]) {
    const lines = findingsText(findings, paintFor(false), width).split('\n')
    for (const line of lines) assert.ok(line.length <= width, line)
    assert.ok(lines.some((line) => line.trim() === 'fix: use another store'))
    assert.ok(!lines.some((line) => line.includes('NTP')))
    assert.equal(lines.at(-1), '1 problem')
  }
})
