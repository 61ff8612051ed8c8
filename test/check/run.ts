/**
 * `npm run check`: everything but the tests that says whether the work is in order. One line a step; a failed step
 * shows what it printed. `npm run check -- lint format` runs only those.
 */
import { spawnSync } from 'node:child_process'
import path from 'node:path'

const steps: readonly (readonly [name: string, command: readonly [string, ...string[]]])[] = [
  ['types', ['tsc', '-p', '.']],
  ['pages', ['tsc', '-p', 'web']],
  ['lint', ['oxlint', '--type-aware', '--deny-warnings']],
  ['format', ['oxfmt', '--check']],
  ['unused', ['knip', '--no-progress']],
  ['house', ['node', 'test/run.ts', 'architecture', 'generated', 'links']],
  ['packed', ['node', 'test/check/packed.ts']],
]

process.chdir(path.resolve(import.meta.dirname, '../..'))
const wanted = process.argv.slice(2)
const failed = steps.filter(([name]) => wanted.length === 0 || wanted.includes(name)).filter(([name, command]) => !passes(name, command))
console.log(failed.length === 0 ? 'check: ok' : `check: FAILED (${failed.map(([name]) => name).join(', ')})`)
process.exitCode = failed.length === 0 ? 0 : 1

function passes(name: string, [program, ...args]: readonly [string, ...string[]]): boolean {
  const started = performance.now()
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 64 << 20 })
  const ok = status === 0
  console.log(`${ok ? '✔' : '✖'} ${name.padEnd(8)} ${ok ? 'ok' : 'FAILED'} (${((performance.now() - started) / 1000).toFixed(1)} s)`)
  if (!ok) console.log(`${stdout}${stderr}${error === undefined ? '' : String(error)}`.trimEnd().replaceAll(/^/gm, '    '))
  return ok
}
