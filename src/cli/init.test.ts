import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { configTemplate } from '../config/index.ts'
import { fakeTerminal } from '../../test/fakes/terminal.ts'
import { runCli } from './program.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-init-'))
after(() => rmSync(folder, { recursive: true }))

async function init(...args: string[]) {
  const terminal = fakeTerminal({ cwd: folder })
  return { exit: await runCli(['init', ...args], terminal.host), out: terminal.out(), err: terminal.err() }
}

test('--dry-run writes nothing', async () => {
  const { exit, out } = await init('--dry-run')
  assert.equal(exit, 0)
  assert.equal(out, 'would write holdfast.toml\n')
  assert.throws(() => readFileSync(path.join(folder, 'holdfast.toml')))
})

test('init writes the commented configuration and says what comes next', async () => {
  const { exit, out } = await init()
  assert.equal(exit, 0)
  assert.match(out, /^wrote holdfast\.toml\n\nNext:\n/)
  assert.equal(readFileSync(path.join(folder, 'holdfast.toml'), 'utf8'), configTemplate())
})

test('a file that is there is kept unless --force is given', async () => {
  const { exit, err } = await init()
  assert.equal(exit, 5)
  assert.match(err, /error: the file is there already\n.*holdfast\.toml\n {2}next: .*--force/)
  const forced = await init('--force', '--json')
  assert.equal(forced.exit, 0)
  assert.deepEqual(JSON.parse(forced.out).result, { file: path.join(folder, 'holdfast.toml'), replaced: true, written: true })
})
