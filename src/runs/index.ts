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
  type Difference,
  type FellBack,
  listRuns,
  type ListRunsOptions,
  ManifestSyncClient,
  type ManifestSyncClientOptions,
  MetadataSyncService,
  type MetadataSyncServiceOptions,
  type Preview,
  previewSync,
  type RunAtSource,
  type RunList,
  type Selection,
  type SyncCall,
  syncedFrom,
  type SyncOptions,
  syncRuns,
  type SyncStats,
  type VerifiedRuns,
  verifyRuns,
  watchRuns,
  type WatchOptions,
  type Way,
} from './sync/index.ts'
