import { mkdirSync, mkdtempSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import type { EnvironmentSettings, SnapshotMode } from '../../src/environments/index.ts'
import { isFault } from '../../src/kit/index.ts'
import { needsRoot } from '../fakes/nobody.ts'
import { scratchForMounts } from '../fakes/scratch-mounts.ts'
import { seededRandom, testSeed } from '../fakes/seeded-random.ts'
import { type Mounted, mountImage } from '../services/loop-mount.ts'
import { environmentIn, type Stage } from './environment-scene.ts'
import { walkAndKill } from './environment-walk.ts'

/* Whole commands on environments, killed at any moment, in every mode. */
const rounds = Number(process.env['HOLDFAST_KILL_ROUNDS'] ?? (process.env['HOLDFAST_SOAK'] === '1' ? 50 : 4))
const xfs = await mountImage('xfs')
const btrfs = await mountImage('btrfs')
const root: Mounted = { directory: scratchForMounts() }
const cache = path.join(root.directory, 'compiled')

interface Variant {
  readonly name: string
  readonly mode: SnapshotMode
  readonly on: Mounted
  readonly settings?: Partial<EnvironmentSettings>
}

const variants: readonly Variant[] = [
  { name: 'overlay', mode: 'overlay', on: root },
  { name: 'squashfs', mode: 'squashfs', on: root },
  { name: 'reflink on xfs', mode: 'reflink', on: xfs },
  { name: 'reflink on btrfs', mode: 'reflink', on: btrfs },
  { name: 'volume of btrfs', mode: 'volume', on: root },
  { name: 'volume of xfs', mode: 'volume', on: root, settings: { volume: { fileSystem: 'xfs' } } },
  { name: 'filesystem with rsync', mode: 'filesystem', on: root },
  { name: 'filesystem with the builtin copier', mode: 'filesystem', on: root, settings: { copier: 'builtin' } },
  { name: 'filesystem with the builtin copier on xfs', mode: 'filesystem', on: xfs, settings: { copier: 'builtin' } },
  { name: 'store', mode: 'store', on: root },
  { name: 'recreate', mode: 'recreate', on: root, settings: { cleanup: 'rm -rf live/* && cp -a start/. live/' } },
]

describe(`killed at any moment (seed ${testSeed})`, { concurrency: 2, skip: needsRoot, timeout: 7_200_000 }, () => {
  for (const [index, { name, mode, on, settings = {} }] of variants.entries()) {
    test(`${name}: the live directory is old, or new, or marked; snapshots stay; the next command leaves nothing behind`, async (t) => {
      if ('reason' in on) return t.skip(on.reason)
      const stage: Stage = { folder: newFolder(on.directory), mode, settings }
      const lacking = await whyNot(stage)
      if (lacking !== undefined) return t.skip(lacking)
      const walked = await walkAndKill({ stage, rounds, random: seededRandom(testSeed + index), cache })
      t.diagnostic(`killed ${walked.kills} times, ${walked.marked} of them marked, ${walked.done} already done`)
    })
  }
})

function newFolder(inside: string): string {
  return mkdtempSync(path.join(inside, 'walk-'))
}

/** A machine that lacks what a mode needs says so. */
async function whyNot(stage: Stage): Promise<string | undefined> {
  const context = environmentIn(stage)
  mkdirSync(path.join(stage.folder, 'snapshots'))
  try {
    await (await context.modes(stage.mode)).check({ ...context, settings: context.settings })
    return undefined
  } catch (error) {
    if (!isFault(error, 'unsupported')) throw error
    return `${error.message} ${error.hint ?? ''}`
  }
}
