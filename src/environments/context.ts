import type { Clock, Report } from '../kit/index.ts'
import type { Hooks } from './hooks.ts'
import type { Mode, ModeSettings, SnapshotMode } from './mode.ts'

/** Everything that the commands on one environment need from outside, passed in. */
export interface EnvironmentContext {
  /** What the configuration calls it. */
  readonly name: string
  /** The live directory: absolute. */
  readonly live: string
  /** Absolute. */
  readonly snapshotsDir: string
  /** Where the live directory must lie in, such as the project's folder; undefined: anywhere. */
  readonly root?: string | undefined
  /** The file that describes it: a live directory that holds it is refused. */
  readonly configuration?: string | undefined
  readonly settings: EnvironmentSettings
  readonly modes: ModeLookup
  /** Of commands that are run: hooks, clean-up, suites. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly clock: Clock
  readonly random: () => number
  readonly report: Report
  readonly signal?: AbortSignal | undefined
}

/** Loads a mode when it is first needed. */
export type ModeLookup = (name: SnapshotMode) => Promise<Mode>

export interface EnvironmentSettings extends ModeSettings {
  /** `auto`: what suits this machine and these files. */
  readonly mode: SnapshotMode | 'auto'
  /** The name that is meant where none is given. */
  readonly snapshotName: string
  readonly autoCreateOnStartup: boolean
  /** Clean up after each create. */
  readonly autoCleanup: boolean
  readonly keep: KeepRules
  /** `recreate`: a restore that fails is followed by the clean-up command, where there is one. */
  readonly onRestoreFailure: 'recreate' | 'fail'
  /** What a command does that meets another one on the same environment. */
  readonly onBusy: 'wait' | 'fail'
  /** Milliseconds to wait at most; undefined: as long as it takes. */
  readonly waitLimit?: number | undefined
  /** Every Nth restore reads the whole snapshot first; 0: none does. */
  readonly verifyEvery: number
  readonly hooks: Hooks
}

/** What a clean-up leaves: a snapshot goes that breaks one of these. Nothing given, nothing goes. */
export interface KeepRules {
  /** The newest so many. */
  readonly count?: number | undefined
  /** Milliseconds since it was made. */
  readonly age?: number | undefined
  /** Milliseconds since it was last restored, or made. */
  readonly unused?: number | undefined
}

/** What the seed's configuration says where it says nothing. */
export const defaultSettings: EnvironmentSettings = {
  mode: 'auto',
  snapshotName: 'clean_state',
  autoCreateOnStartup: true,
  autoCleanup: true,
  keep: { count: 5 },
  onRestoreFailure: 'recreate',
  onBusy: 'wait',
  verifyEvery: 0,
  hooks: {},
  squashfsCompression: 'none',
  copier: 'rsync',
  volume: { fileSystem: 'btrfs' },
  preserve: [],
}
