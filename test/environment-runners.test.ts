import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { before, describe, test } from 'node:test'
import { scratchDirectory } from './fakes/scratch.ts'

const root = path.resolve(import.meta.dirname, '..')
const scratch = scratchDirectory()
let projects = 0

interface Runner {
  readonly adapter: string
  readonly imports: string
  readonly argv: readonly string[]
  readonly files: Readonly<Record<string, string>>
}

/** The project is not installed but linked, so that what runs are the sources: as in node_modules, they are not bundled. */
const vitestConfig = `
import { defineConfig } from 'vitest/config'
export default defineConfig({ resolve: { preserveSymlinks: true }, ssr: { resolve: { conditions: ['holdfast-source'], externalConditions: ['holdfast-source'] } } })
`

const runners: Readonly<Record<string, Runner>> = {
  'node:test': {
    adapter: 'holdfast/environments/node-test',
    imports: "import { describe, test } from 'node:test'",
    argv: [process.execPath, '--conditions=holdfast-source', '--test', '--test-reporter=spec'],
    files: {},
  },
  Vitest: {
    adapter: 'holdfast/environments/vitest',
    imports: "import { describe, test } from 'vitest'",
    argv: [process.execPath, path.join(root, 'node_modules/vitest/vitest.mjs'), 'run'],
    files: { 'vitest.config.mjs': vitestConfig },
  },
}

function projectOf(files: Readonly<Record<string, string>>): string {
  const folder = path.join(scratch, `project-${projects++}`)
  mkdirSync(path.join(folder, 'node_modules'), { recursive: true })
  symlinkSync(root, path.join(folder, 'node_modules/holdfast'))
  symlinkSync(path.join(root, 'node_modules/vitest'), path.join(folder, 'node_modules/vitest'))
  mkdirSync(path.join(folder, 'data'))
  const all = { 'package.json': '{ "type": "module" }', 'data/state': 'clean', ...files }
  for (const [file, text] of Object.entries(all)) writeFileSync(path.join(folder, file), text)
  return folder
}

interface Ran {
  readonly status: number | null
  readonly output: string
}

async function run(folder: string, argv: readonly string[], variables: Readonly<Record<string, string>> = {}): Promise<Ran> {
  // A test run within this one is no part of it.
  const { NODE_TEST_CONTEXT: _, NODE_OPTIONS: __, ...env } = process.env
  const child = spawn(argv[0]!, argv.slice(1), { cwd: folder, env: { ...env, NO_COLOR: '1', ...variables }, timeout: 120_000 })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (piece: string) => (output += piece))
  return await new Promise((resolve) => child.on('close', (status) => resolve({ status, output })))
}

const dirty = `
import assert from 'node:assert/strict'
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
const dirty = () => {
  appendFileSync('seen', readFileSync('data/state', 'utf8') + ' ')
  assert.equal(readFileSync('data/state', 'utf8'), 'clean')
  writeFileSync('data/state', 'dirty')
  writeFileSync('data/more', 'dirty')
}
`

const config = '[env.stage]\npath = "data"\nmode = "filesystem"\ncopier = "builtin"\n'

for (const [name, { adapter, imports, argv, files }] of Object.entries(runners)) {
  const head = `${imports}\nimport { restoreBeforeSuite } from '${adapter}'\n${dirty}`
  const suite = (options = '{}') => `${head}\nrestoreBeforeSuite(${options})\ntest('dirties it', dirty)\n`

  describe(`the adapter for ${name}`, { concurrency: false }, () => {
    let passed: Ran
    let folder = ''
    before(async () => {
      const several = `${head}
describe('one', () => { restoreBeforeSuite({ name: 'stage' }); test('dirties it', dirty) })
describe('two', () => {
  const stage = restoreBeforeSuite()
  test('dirties it', dirty)
  test('and gets it back within the suite', async () => {
    assert.equal((await stage.restore()).mode, 'filesystem')
    assert.equal(stage.environment.name, 'stage')
    dirty()
  })
})
`
      folder = projectOf({ ...files, 'holdfast.toml': config, 'a.test.ts': suite(), 'b.test.ts': suite(), 'c.test.ts': several })
      passed = await run(folder, argv)
    })

    test('gives the environment back before each file and each describe, also of files that run at the same time', () => {
      assert.equal(passed.status, 0, passed.output)
      assert.equal(readFileSync(path.join(folder, 'seen'), 'utf8'), 'clean '.repeat(5))
    })

    test('makes the clean snapshot first where there is none, and says how long each restore took', () => {
      assert.match(passed.output, /holdfast: made the snapshot clean_state of stage/)
      assert.match(passed.output, /holdfast: gave stage back as clean_state \(filesystem, \d+ ms\)/)
    })

    test('fails the suite clearly where the environment cannot be given back', async () => {
      const missing = projectOf({ ...files, 'holdfast.toml': config, 'a.test.ts': suite("{ snapshot: 'with-users' }") })
      const { status, output } = await run(missing, argv)
      assert.notEqual(status, 0)
      assert.match(output, /no clean environment for this suite: the environment stage has no snapshot with-users/)
      assert.match(output, /next: make it: holdfast env create stage --snapshot with-users/)
      assert.equal(readFileSync(path.join(missing, 'data/state'), 'utf8'), 'clean', 'no test ran')
    })

    test('needs no configuration file, and takes functions as hooks', async () => {
      const options =
        "{ path: 'data', mode: 'filesystem', copier: 'builtin', hooks: { beforeRestore: () => writeFileSync('stopped', '') } }"
      const plain = projectOf({ ...files, 'a.test.ts': suite(options) })
      const { status, output } = await run(plain, argv)
      assert.equal(status, 0, output)
      assert.match(output, /gave data back as clean_state/)
      assert.equal(readFileSync(path.join(plain, 'stopped'), 'utf8'), '')
    })
  })
}
