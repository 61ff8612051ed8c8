import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { scratchForMounts } from '../../../test/fakes/scratch-mounts.ts'
import { seededRandom, testSeed } from '../../../test/fakes/seeded-random.ts'
import { snapshotDesk } from '../../../test/fakes/snapshot-desk.ts'
import { type Mounted, mountImage } from '../../../test/services/loop-mount.ts'
import { isFault, silent, systemClock } from '../../kit/index.ts'
import { defaultSettings, type EnvironmentSettings, modeLookup, type SnapshotMode } from '../index.ts'
import { modeCases, runModeCase } from './index.ts'

const store = snapshotDesk()
const modes = modeLookup({ environment: 'case', env: process.env, clock: systemClock, snapshots: async () => store.context })
const xfs = await mountImage('xfs')
const btrfs = await mountImage('btrfs')
const scratch: Mounted = { directory: scratchForMounts() }

interface Suite {
  readonly name: string
  readonly mode: SnapshotMode
  readonly on: Mounted
  readonly snapshotsOn?: Mounted
  readonly settings?: Partial<EnvironmentSettings>
}

/** Every mode that keeps files, in each of its ways, on the file systems that it is for. */
const suites: readonly Suite[] = [
  { name: 'overlay', mode: 'overlay', on: scratch },
  { name: 'overlay with its snapshots on another file system', mode: 'overlay', on: scratch, snapshotsOn: xfs },
  { name: 'squashfs', mode: 'squashfs', on: scratch },
  { name: 'squashfs, compressed with zstd', mode: 'squashfs', on: scratch, settings: { squashfsCompression: 'zstd' } },
  { name: 'reflink on xfs', mode: 'reflink', on: xfs },
  { name: 'reflink on btrfs', mode: 'reflink', on: btrfs },
  { name: 'filesystem with rsync', mode: 'filesystem', on: scratch },
  { name: 'filesystem with the builtin copier', mode: 'filesystem', on: scratch, settings: { copier: 'builtin' } },
  { name: 'filesystem with the builtin copier on xfs', mode: 'filesystem', on: xfs, settings: { copier: 'builtin' } },
  {
    name: 'filesystem with its snapshots on another file system',
    mode: 'filesystem',
    on: scratch,
    snapshotsOn: xfs,
    settings: { copier: 'builtin' },
  },
  { name: 'volume of btrfs', mode: 'volume', on: scratch },
  { name: 'volume of xfs', mode: 'volume', on: scratch, settings: { volume: { fileSystem: 'xfs' } } },
  { name: 'store', mode: 'store', on: scratch },
]

for (const { name, mode, on, snapshotsOn, settings } of suites) {
  const lacking = [on, snapshotsOn].find((each) => each !== undefined && 'reason' in each)
  const folder = folderOn(on, name)
  const snapshotsFolder = snapshotsOn && folderOn(snapshotsOn, `snapshots of ${name}`)
  const reason = lacking !== undefined && 'reason' in lacking ? lacking.reason : await whyNot(mode, folder)
  describe(`${name} keeps the promises of a mode`, { skip: reason ?? false }, () => {
    for (const each of modeCases) {
      test(each.name, async () => {
        const random = seededRandom(testSeed)
        const suite = { mode, modes, folder, snapshotsFolder, settings, env: process.env, clock: systemClock, random }
        const { outcome, error } = await runModeCase(each, suite)
        if (outcome === 'failed') throw new Error(`failed with HOLDFAST_TEST_SEED=${testSeed}`, { cause: error })
      })
    }
  })
}

function folderOn(on: Mounted, name: string): string {
  if ('reason' in on) return ''
  const folder = path.join(on.directory, name.replaceAll(/\W+/g, '-'))
  mkdirSync(folder)
  return folder
}

/** A machine that lacks what a mode needs says so. */
async function whyNot(mode: SnapshotMode, folder: string): Promise<string | undefined> {
  const place = {
    live: path.join(folder, 'live'),
    snapshotsDir: path.join(folder, 'snapshots'),
    settings: defaultSettings,
    clock: systemClock,
    random: Math.random,
    report: silent,
  }
  try {
    mkdirSync(place.live)
    await (await modes(mode)).check(place)
    return undefined
  } catch (error) {
    if (!isFault(error, 'unsupported')) throw error
    return `${error.message} ${error.hint ?? ''}`
  }
}
