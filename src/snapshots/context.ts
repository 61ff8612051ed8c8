import type { ChunkStore } from '../chunks/index.ts'
import type { Clock, Report } from '../kit/index.ts'
import type { ObjectStore } from '../store/index.ts'

/** What snapshots need of the world. */
export interface SnapshotContext {
  readonly store: ObjectStore
  /** The packs of that store; opened when they are first needed. */
  chunks(): Promise<ChunkStore>
  /** Makes it a holdfast store where it is none, and throws `unsupported` where names cannot move in it. */
  readonly prepareStore: () => Promise<{ readonly isNew: boolean }>
  readonly clock: Clock
  readonly random: () => number
  /** Who does it, such as `ann@builder-3`. */
  readonly by: string
  readonly host: string
  /** Where indexes of trees are kept: the store's own folder, which may be deleted. Asked for once the store is one. */
  cacheDir(): Promise<string>
  readonly report: Report
  readonly signal?: AbortSignal | undefined
}
