/** Projects with an environment, and the command line in them. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { systemClock } from '../../src/kit/index.ts'
import { scratchForMounts } from './scratch-mounts.ts'

const main = path.resolve(import.meta.dirname, '../../src/cli/main.ts')
/** Where the projects are, removed after the tests of a file. */
export const scratch = scratchForMounts()

interface Ran {
  readonly exit: number | null
  readonly out: string
  readonly err: string
}

/** A project with an environment `stage` in `data`. */
export function project(settings: string, inside = scratch) {
  const cwd = mkdtempSync(path.join(inside, 'project-'))
  const live = path.join(cwd, 'data')
  mkdirSync(path.join(live, 'node-1'), { recursive: true })
  writeFileSync(path.join(live, 'node-1/wallet'), 'clean')
  writeFileSync(path.join(cwd, 'holdfast.toml'), `[env.stage]\npath = "data"\n${settings}\n`)
  const env = {
    PATH: process.env['PATH'],
    HOME: path.join(scratch, 'home'),
    USER: 'ann',
    NO_COLOR: '1',
    NODE_COMPILE_CACHE: path.join(scratch, 'compiled'),
  }
  const args = (line: string) => [main, ...line.split(' ')]
  return {
    cwd,
    live,
    snapshots: path.join(cwd, '.data.snapshots'),
    holdfast(line: string, change: NodeJS.ProcessEnv = {}): Ran {
      const { status, stdout, stderr } = spawnSync(process.execPath, args(line), { cwd, env: { ...env, ...change }, encoding: 'utf8' })
      return { exit: status, out: stdout, err: stderr }
    },
    start: (line: string) => spawn(process.execPath, args(line), { cwd, env, stdio: ['ignore', 'ignore', 'pipe'] }),
    dirty: () => appendFileSync(path.join(live, 'node-1/wallet'), ', and dirty'),
    wallet: () => readFileSync(path.join(live, 'node-1/wallet'), 'utf8'),
  }
}

/** Looks, each after 5 ms: what is done in the background comes after all else that a machine has to do. */
const patience = 24_000

/** Nothing is left but what every environment has; what is thrown away goes in the background. */
export async function assertNothingKept(snapshots: string): Promise<void> {
  assert.deepEqual(
    readdirSync(snapshots).filter((name) => name !== '.holdfast'),
    [],
  )
  const home = path.join(snapshots, '.holdfast')
  const left = () => readdirSync(home).filter((name) => name.startsWith('build-') || name === 'creating.json')
  assert.deepEqual(left(), [])
  const trash = path.join(home, 'trash')
  for (let tries = 0; existsSync(trash) && readdirSync(trash).length > 0; tries++) {
    assert.ok(tries < patience, 'the trash is not emptied')
    await systemClock.sleep(5)
  }
}
