import { mkdtemp } from 'node:fs/promises'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { isFault, run, type RunResult } from '../../src/kit/index.ts'
import { ensureDebianPackages } from './install.ts'

/** One pip, with no settings and no cache of whoever runs the tests. */
export interface Pip {
  readonly version: readonly [number, number]
  readonly python: string
  run(...args: readonly string[]): Promise<RunResult>
  /** Installs into a new folder and gives it; throws with pip's own words where it fails. */
  install(...args: readonly string[]): Promise<string>
  /** What Python prints with that folder on its path. */
  say(folder: string, code: string): Promise<string>
}

/** Debian's pip, and those of other Pythons that this machine has. The test is skipped, with what would enable it, where there is none. */
export async function pipsForTests(t: TestContext, scratch: string): Promise<Pip[]> {
  try {
    await (installed ??= ensureDebianPackages(['python3-pip', 'python3-pip-whl', 'python3-setuptools-whl']))
  } catch (error) {
    if (!isFault(error, 'unsupported')) throw error
    t.diagnostic(`${error.message}; ${error.hint}`)
  }
  const pips = await (found[scratch] ??= findPips(scratch))
  if (pips.length === 0) t.skip('no Python with pip: apt-get install python3-pip')
  return pips
}

let installed: Promise<void> | undefined
const found: Record<string, Promise<Pip[]>> = {}

async function findPips(scratch: string): Promise<Pip[]> {
  const pips = new Map<string, Pip>()
  for (const python of ['/usr/bin/python3', 'python3']) {
    const pip = await pipOf(python, scratch)
    if (pip !== undefined && !pips.has(pip.version.join('.'))) pips.set(pip.version.join('.'), pip)
  }
  return [...pips.values()]
}

async function pipOf(python: string, scratch: string): Promise<Pip | undefined> {
  const env = {
    PATH: process.env['PATH'],
    HOME: scratch,
    PIP_CONFIG_FILE: '/dev/null',
    PIP_DISABLE_PIP_VERSION_CHECK: '1',
    PIP_NO_CACHE_DIR: '1',
    PIP_NO_INPUT: '1',
    PIP_ROOT_USER_ACTION: 'ignore',
    PYTHONNOUSERSITE: '1',
  }
  const pip = (args: readonly string[]) => run([python, '-m', 'pip', ...args], { env, cwd: scratch })
  const { stdout } = await pip(['--version']).catch(() => ({ stdout: '' }))
  const match = /^pip (\d+)\.(\d+)/.exec(stdout)
  if (match === null) return undefined
  return {
    version: [Number(match[1]), Number(match[2])],
    python,
    run: (...args) => pip(args),
    async install(...args) {
      const folder = await mkdtemp(path.join(scratch, 'installed-'))
      const { status, tail } = await pip(['install', '--target', folder, ...args])
      if (status !== 0) throw new Error(`pip ${match[0]} failed:\n${tail.join('\n')}`)
      return folder
    },
    async say(folder, code) {
      const { status, stdout: said, tail } = await run([python, '-c', code], { env: { ...env, PYTHONPATH: folder }, cwd: scratch })
      if (status !== 0) throw new Error(tail.join('\n'))
      return said.trim()
    },
  }
}
