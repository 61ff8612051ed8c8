/**
 * The side of a client, a door of its own: most syncs find nothing new, and are over before a generator would have been loaded.
 *
 * Promises: a file is in place only when it is proven; the cursor moves over what is durable; what failed is tried again.
 * Never does: write at the source, follow a link, overwrite what was edited here.
 */
export {
  ManifestSyncClient,
  type ManifestSyncClientOptions,
  MetadataSyncService,
  type MetadataSyncServiceOptions,
  type SyncCall,
} from './client.ts'
export { listRuns, type ListRunsOptions, type RunAtSource, type RunList } from './list.ts'
export type { Selection } from './plan/selection.ts'
export { type FellBack, type SyncStats, type Way } from './report.ts'
export { syncedFrom } from './state/state.ts'
export { type Preview, previewSync, type SyncOptions, syncRuns } from './sync.ts'
export { type Difference, type VerifiedRuns, verifyRuns } from './verify.ts'
export { watchRuns, type WatchOptions } from './watch.ts'
