import type { Job, Queue } from '../daemon/index.ts'
import type { EnvironmentContext } from '../environments/index.ts'
import type { ImageMemory, ImagesContext } from '../images/index.ts'
import type { Clock, Report } from '../kit/index.ts'
import type { IndexContext } from '../python-index/index.ts'
import type { Product, ReleaseContext } from '../releases/index.ts'
import type { SnapshotContext } from '../snapshots/index.ts'
import type { MeterReading, ObjectStore } from '../store/index.ts'
import type { ServerState } from './state/open.ts'
import type { Moves } from './moves.ts'
import type { WhileUnmoved } from './unmoved.ts'

/** What a server serves: the configuration's capabilities, each opened when it is first asked for. */
export interface Served {
  readonly store: ObjectStore
  readonly products: Readonly<Record<string, Product>>
  releases(): Promise<ReleaseContext>
  /** Names of the environments of the Python index; `default` is `[index]` itself. */
  readonly indexes: readonly string[]
  index(name: string): Promise<IndexContext>
  /** Names of test environments. */
  readonly environments: readonly string[]
  environment(name: string): Promise<EnvironmentContext>
  /** The folder of experiment runs; undefined where none is configured. */
  readonly runs: ServedRuns | undefined
  snapshots(): Promise<SnapshotContext>
  /** Undefined where no images are configured. */
  readonly images: (() => Promise<ImagesContext>) | undefined
  /** Undefined where there is no queue. */
  readonly jobs: ServedJobs | undefined
  /** What the stores of this process were asked so far. */
  counted(): Promise<MeterReading>
  readonly clock: Clock
  /** A number in [0, 1). */
  readonly random: () => number
  readonly report: Report
  readonly version: string
}

export interface ServedJobs {
  readonly jobs: readonly Job[]
  /** Names of those who are told when jobs fail. */
  readonly notified?: readonly string[]
  queue(): Promise<Queue>
  /** Whether units of this command line are found by a look at what there is. */
  splits(words: readonly string[]): boolean
}

export interface ServedRuns {
  /** Absolute. */
  readonly folder: string
  open(): Promise<ObjectStore>
}

/** The same as routes see it: what the store has is remembered for a moment, and moves are at hand. */
export interface ServedView extends Served {
  readonly moves: Moves
  readonly whileUnmoved: WhileUnmoved
  readonly state: ServerState
  /** What manifests of the registry say. */
  readonly imageMemory: ImageMemory
  /** The same without a memory, for what changes something. */
  readonly acting: Served
  /** What is remembered may be old: somebody has just changed something. */
  forget(): void
}
