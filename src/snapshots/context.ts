import type { ChunkStore } from '../chunks/index.ts'
import type { Clock, Report } from '../kit/index.ts'
import type { ObjectStore } from '../store/index.ts'

/** What snapshots need of the world. */
export interface SnapshotContext {
  readonly store: ObjectStore
  /** The packs of that store; opened when they are first needed. */
  chunks(): Promise<ChunkStore>
  /** Throws `unsupported` where the store cannot carry refs. */
  proveStore(): Promise<void>
  readonly clock: Clock
  readonly random: () => number
  /** Who does it, such as `ann@builder-3`. */
  readonly by: string
  readonly host: string
  /** Where indexes of trees are kept; may be deleted. */
  readonly cacheDir: string
  readonly report: Report
  readonly signal?: AbortSignal | undefined
}
