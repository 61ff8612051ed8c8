import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { isFault } from '../src/kit/index.ts'
import { scratchDirectory } from './fakes/scratch.ts'
import { ensureDebianPackages } from './services/install.ts'

const root = path.resolve(import.meta.dirname, '..')
const client = path.join(root, 'clients/python')
const python = '/usr/bin/python3'
const scratch = scratchDirectory()
const why = await whyNoPytest()

describe('the Python client', { skip: why }, () => {
  test('passes its own tests, against this command line and a pytest that is really run', () => {
    const env = {
      PATH: process.env['PATH'],
      HOME: scratch,
      TMPDIR: scratch,
      PYTHONPATH: path.join(client, 'src'),
      PYTHONDONTWRITEBYTECODE: '1',
      HOLDFAST_TEST_COMMAND: JSON.stringify([process.execPath, path.join(root, 'src/cli/main.ts')]),
    }
    const argv = ['-m', 'pytest', '-q', '-p', 'no:cacheprovider', '-p', 'holdfast.pytest_plugin', '--strict-markers', 'tests']
    const { status, stdout, stderr } = spawnSync(python, argv, { cwd: client, env, encoding: 'utf8', timeout: 600_000 })
    assert.equal(status, 0, `${stdout}${stderr}`)
  })
})

test('the Python client has the version of the package, no dependencies, and names its plugin to pytest', () => {
  const project = readFileSync(path.join(client, 'pyproject.toml'), 'utf8')
  const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string }
  assert.ok(project.includes(`version = "${version}"`))
  assert.match(project, /^dependencies = \[\]$/m)
  assert.match(project, /^\[project\.entry-points\.pytest11\]\nholdfast = "holdfast\.pytest_plugin"$/m)
})

async function whyNoPytest(): Promise<string | false> {
  try {
    await ensureDebianPackages(['python3-pytest'])
    return false
  } catch (error) {
    if (!isFault(error)) throw error
    return `${error.message}${error.hint === undefined ? '' : ` (${error.hint})`}`
  }
}
