/**
 * Experiment runs: a server lists them in pages and packs and in the manifest that Runicorn reads; a client fetches what changed.
 *
 * Promises: what a root names was durable before it, and is whole; content decides, times are hints; a run that is written while
 * it is looked at is listed as it was at one moment; nothing is locked but generators among themselves.
 * Never does: follow a link, change a run, trust a name or a number that comes from the other side.
 */
export { type Root } from './format/root.ts'
export {
  type Generated,
  type GenerateOptions,
  type Manifest,
  type ManifestExperiment,
  type ManifestFile,
  ManifestGenerator,
  type ManifestGeneratorOptions,
  ManifestType,
} from './generate/index.ts'
export {
  ManifestSyncClient,
  type ManifestSyncClientOptions,
  MetadataSyncService,
  type MetadataSyncServiceOptions,
  type SyncCall,
} from './sync/client.ts'
export { listRuns, type ListRunsOptions, type RunAtSource, type RunList } from './sync/list.ts'
export type { Selection } from './sync/plan/selection.ts'
export { type FellBack, type SyncStats, type Way } from './sync/report.ts'
export { syncedFrom } from './sync/state/state.ts'
export { type Preview, previewSync, type SyncOptions, syncRuns } from './sync/sync.ts'
export { type Difference, type VerifiedRuns, verifyRuns } from './sync/verify.ts'
export { watchRuns, type WatchOptions } from './sync/watch.ts'
