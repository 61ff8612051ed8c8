import type { Clock, Digest, Report } from '../kit/index.ts'

/** How an environment is kept and given back: `SnapshotMode.FILESYSTEM` or `'filesystem'`. */
export const SnapshotMode = {
  DISABLED: 'disabled',
  RECREATE: 'recreate',
  FILESYSTEM: 'filesystem',
  SQUASHFS: 'squashfs',
  OVERLAY: 'overlay',
  REFLINK: 'reflink',
  VOLUME: 'volume',
  STORE: 'store',
} as const

export type SnapshotMode = (typeof SnapshotMode)[keyof typeof SnapshotMode]

export const snapshotModes = Object.values(SnapshotMode)

/** Where an environment and its snapshots lie, and what a mode needs of the world. */
export interface Place {
  /** The live directory: absolute, without links on the way. */
  readonly live: string
  /** Absolute; made by the first create. docs/formats.md says what lies in it. */
  readonly snapshotsDir: string
  readonly settings: ModeSettings
  readonly clock: Clock
  readonly random: () => number
  readonly report: Report
  readonly signal?: AbortSignal | undefined
  /** The open lock. Programs that work on the environment hold it too: where this process is killed, nobody comes in before they have ended. */
  readonly lock?: number | undefined
}

/** What only modes look at. */
export interface ModeSettings {
  readonly squashfsCompression: 'none' | 'gzip' | 'lzo' | 'xz' | 'zstd'
  /** How the filesystem mode copies: the system's rsync, or block by block. */
  readonly copier: 'rsync' | 'builtin'
  /** Of the volume mode. */
  readonly volume: {
    readonly fileSystem: 'btrfs' | 'xfs'
    /** Bytes; undefined: from the size of the live directory. */ readonly size?: number | undefined
  }
  /** A shell line that the recreate mode restores with, and that a failed restore falls back to. */
  readonly cleanup?: string | undefined
  /** Paths below the live directory that the clean-up must leave as they are. */
  readonly preserve: readonly string[]
}

/**
 * One way of keeping an environment. The caller holds the environment's lock, has checked names, and writes and reads records.
 *
 * Promises: after a create the snapshot's tree never changes, whatever is done to the live directory. A mode that `swaps`
 * touches nothing of the live directory before the new state is whole, and shows old or new at every moment; one that does
 * not may leave a mixture when it is ended, and makes it new when it is run again. Killed at any moment, `recover` puts
 * right what it left.
 */
export interface Mode {
  readonly name: SnapshotMode
  /** Whether a restore shows old or new at every moment. */
  readonly swaps: boolean
  /** Whether a create may go on while files in the live directory are open for writing; a first one may want nobody inside, and says so. */
  readonly createsBesideWriters: boolean
  /** Times come back in whole seconds, since its format knows no more; else to the nanosecond. */
  readonly timesInSeconds?: boolean | undefined
  /** Throws `unsupported` where it cannot work here, with the line that would enable it. Changes nothing. */
  check(place: Place): Promise<void>
  /** Keeps the live directory under a name that is free. Leaves nothing under the name where it fails. */
  create(place: Place, name: string): Promise<Kept>
  /** Makes the live directory, which is there, what the snapshot is. `corrupt` where the snapshot is damaged, and then nothing was touched. */
  restore(place: Place, name: string, options: ModeRestoreOptions): Promise<Given>
  /** Gives a directory that shows the snapshot's tree, read-only by convention, until `close`. */
  open(place: Place, name: string): Promise<OpenedTree>
  /**
   * Reads all that the snapshot is kept in, and throws `corrupt` where a byte is wrong. A mode without it is verified by
   * reading the tree that `open` gives.
   */
  verify?(place: Place, name: string, kept: Kept): Promise<void>
  /** Removes the snapshot's tree, or what there is of it. `busy` where the live directory stands on it. */
  delete(place: Place, name: string): Promise<void>
  /** Puts right what a killed command left, and ends what nothing needs any more: mounts, trees built aside, layers. */
  recover(place: Place): Promise<Recovered>
  /** Whether the live directory stands on this snapshot now, so that it cannot go. */
  inUse(place: Place, name: string): Promise<boolean>
  /** What is mounted for this environment. Nothing for modes without mounts. */
  mounts(place: Place): Promise<readonly MountState[]>
  /** Gives the live directory back as a plain directory with its present content. Nothing to do for modes without mounts. */
  detach(place: Place): Promise<void>
}

export interface Kept {
  /** Bytes that the snapshot takes on disk; undefined where sharing makes that unknown. */
  readonly stored?: number | undefined
  /** Of the image or record that the mode checks before a restore. */
  readonly digest?: Digest | undefined
  /** What the mode wants back: small, kept in the record. */
  readonly facts?: Readonly<Record<string, string | number | boolean>> | undefined
}

export interface ModeRestoreOptions {
  /** What `create` gave. */
  readonly kept: Kept
  /** Compare every byte, whatever is known of a file. */
  readonly checksum?: boolean | undefined
}

export interface Given {
  /** Bytes written into the live directory or the new state; 0 for a switch of layers. */
  readonly written: number
  readonly changed?: { readonly added: number; readonly changed: number; readonly removed: number } | undefined
}

export interface OpenedTree {
  readonly path: string
  close(): Promise<void>
}

export interface Recovered {
  /** One sentence for each thing that was found and put right. */
  readonly notes: readonly string[]
}

export interface MountState {
  readonly at: string
  readonly kind: string
  readonly from: string
}
