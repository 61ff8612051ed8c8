import path from 'node:path'
import {
  cleanupSnapshots,
  createSnapshot,
  defaultSettings,
  deleteSnapshot,
  type EnvironmentContext,
  type EnvironmentSettings,
  modeLookup,
  restoreSnapshot,
  type SnapshotMode,
  stopEnvironment,
} from '../../src/environments/index.ts'
import { silent, systemClock } from '../../src/kit/index.ts'
import { contextIn } from './snapshot-scene.ts'

/** Where an environment lies, and how it is kept. */
export interface Stage {
  readonly folder: string
  readonly mode: SnapshotMode
  readonly settings: Partial<EnvironmentSettings>
}

/** What a child does until it is killed. */
export interface EnvironmentJob {
  readonly stage: Stage
  readonly act: Act
  /** The moment, counted from 1; 0 never comes. */
  readonly killAt: number
  /** Turns of the event loop from then on, for what is done at once with others or by other programs. */
  readonly turns: number
}

export interface Act {
  readonly what: 'create' | 'replace' | 'restore' | 'delete' | 'cleanup' | 'stop'
  /** Not of `cleanup` and `stop`. */
  readonly snapshot?: string
}

/** What the environment goes back to, and what a clean-up never takes. */
export const clean = 'clean_state'

/** An environment in `live` of a folder. Where a clean-up command is needed, it copies `start` there. */
export function environmentIn({ folder, mode, settings }: Stage): EnvironmentContext {
  const env = { PATH: process.env['PATH'] }
  return {
    name: 'stage',
    live: path.join(folder, 'live'),
    snapshotsDir: path.join(folder, 'snapshots'),
    settings: { ...defaultSettings, mode, autoCleanup: false, ...settings },
    modes: modeLookup({ environment: 'stage', env, clock: systemClock, snapshots: async () => contextIn(folder) }),
    env,
    clock: systemClock,
    random: Math.random,
    report: silent,
  }
}

export async function perform(context: EnvironmentContext, { what, snapshot = clean }: Act): Promise<void> {
  switch (what) {
    case 'create':
      return void (await createSnapshot(context, { snapshot, checksum: true }))
    case 'replace':
      return void (await createSnapshot(context, { snapshot, checksum: true, replace: true }))
    case 'restore':
      return void (await restoreSnapshot(context, { snapshot }))
    case 'delete':
      return void (await deleteSnapshot(context, snapshot))
    case 'cleanup':
      return void (await cleanupSnapshots(context, { keep: { count: 1 } }))
    case 'stop':
      return await stopEnvironment(context)
  }
}
