/**
 * The package as its users get it: packed, installed into an empty folder, and used there: `holdfast --version`, `--help`,
 * an import of every entry with its types, every group of commands, and the demo.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type Said, usePackage } from './packed-use.ts'

const root = path.resolve(import.meta.dirname, '../..')
const scratch = mkdtempSync(path.join(os.tmpdir(), 'holdfast-packed-'))
const { version, exports } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
  version: string
  exports: Record<string, unknown>
}

try {
  main()
} finally {
  rmSync(scratch, { recursive: true, force: true })
}

function main(): void {
  run(['npm', 'pack', '--silent', '--pack-destination', scratch], root)
  const tarball = readdirSync(scratch).find((name) => name.endsWith('.tgz'))!
  writeFileSync(
    path.join(scratch, 'package.json'),
    '{ "name": "user", "private": true, "type": "module", "allowScripts": { "node": true } }\n',
  )
  // npm waits five minutes for an answer that does not come; a registry that hangs once is asked again.
  run(['npm', 'install', '--no-audit', '--no-fund', '--fetch-timeout=30000', '--fetch-retries=5', `./${tarball}`], scratch)

  const holdfast = path.join(scratch, 'node_modules/.bin/holdfast')
  expectEqual('holdfast --version', run([holdfast, '--version'], scratch).stdout.trim(), version)
  run([holdfast, '--help'], scratch)
  if (!existsSync(path.join(scratch, 'node_modules/holdfast/dist/web/index.html'))) throw new Error('the package lacks the dashboard')
  standInForVitest()
  importEntries()
  checkTypes()
  usePackage(scratch, run)
  runDemo()
}

/** Its users bring it. Here it need only have what the adapter imports; test/environment-runners.test.ts runs the real one. */
function standInForVitest(): void {
  const folder = path.join(scratch, 'node_modules/vitest')
  mkdirSync(folder)
  writeFileSync(path.join(folder, 'package.json'), '{ "name": "vitest", "type": "module", "exports": "./index.js" }')
  writeFileSync(path.join(folder, 'index.js'), 'export const beforeAll = () => {}\nexport const afterAll = () => {}\n')
}

function importEntries(): void {
  const entries = Object.keys(exports).map((entry) => entry.replace('.', 'holdfast'))
  const code = entries.map(
    (entry) => `await import(${JSON.stringify(entry)}${entry.endsWith('.json') ? ', { with: { type: "json" } }' : ''})`,
  )
  writeFileSync(path.join(scratch, 'import.mjs'), code.join('\n'))
  run([path.join(scratch, 'node_modules/.bin/node'), 'import.mjs'], scratch)
  console.log(`imported ${entries.join(', ')}`)
}

/** A user's own program, checked by the compiler of this project against the types in the package. */
function checkTypes(): void {
  const entries = Object.keys(exports).filter((entry) => !entry.endsWith('.json'))
  const imports = entries.map((entry, index) => `import * as entry${index} from '${entry.replace('.', 'holdfast')}'`)
  writeFileSync(
    path.join(scratch, 'use.ts'),
    `${imports.join('\n')}\nexport const all = [${entries.map((_entry, index) => `entry${index}`).join(', ')}]\n`,
  )
  const settings = '--noEmit --strict --module nodenext --target es2024 --lib es2024,esnext.disposable --types node'.split(' ')
  run([path.join(root, 'node_modules/.bin/tsc'), ...settings, '--typeRoots', path.join(root, 'node_modules/@types'), 'use.ts'], scratch)
}

function runDemo(): void {
  const demo = path.join(scratch, 'node_modules/holdfast/demo/run.mjs')
  const { stdout } = run([path.join(scratch, 'node_modules/.bin/node'), demo], scratch)
  console.log(stdout.trimEnd().replaceAll(/^/gm, '    | '))
}

function run([program, ...args]: readonly [string, ...string[]], cwd: string, variables: NodeJS.ProcessEnv = {}): Said {
  const started = performance.now()
  // What npm tells the scripts that it runs is not what a user's own npm would be told.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_|^NODE_|^INIT_CWD$/.test(name)))
  env['PATH'] = (process.env['PATH'] ?? '')
    .split(path.delimiter)
    .filter((folder) => !folder.startsWith(root))
    .join(path.delimiter)
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd,
    env: { ...env, ...variables },
    encoding: 'utf8',
    timeout: 300_000,
  })
  const shown = [path.basename(program), ...args].join(' ')
  if (status !== 0) throw new Error(`${shown} ended with ${status ?? error}\n${stdout}${stderr}`)
  console.log(`${shown}: ${((performance.now() - started) / 1000).toFixed(1)} s`)
  return { stdout, stderr }
}

function expectEqual(what: string, actual: unknown, expected: unknown): void {
  if (actual !== expected) throw new Error(`${what}: expected ${String(expected)}, got ${String(actual)}`)
}
