/**
 * Live directories, given back clean: snapshots of them, made, given back, compared, copied and cleaned up.
 *
 * Promises: a snapshot never changes; a restore that swaps shows old or new at every moment, and one that works in place is
 * marked until it has ended; a damaged snapshot is named and never given back; who is inside is named.
 * Never does: delete what it did not make; fall back to something that is not configured.
 */
export { type Benched, benchModes, type BenchOptions, type BenchRow } from './bench/bench.ts'
export { type Cleaned, type CleanupOptions, cleanupSnapshots } from './cleanup.ts'
export { type Cloned, type CloneOptions, cloneSnapshot } from './clone.ts'
export { type Estimate, rankModes, type Rates, type TreeSize } from './rank.ts'
export { defaultSettings, type EnvironmentContext, type EnvironmentSettings, type KeepRules, type ModeLookup } from './context.ts'
export { type Created, type CreateOptions, createSnapshot } from './create.ts'
export { type Deleted, deleteSnapshot } from './delete.ts'
export { type Aspect, type Diffed, type DiffOptions, diffSnapshots, type TreeDifference } from './diff.ts'
export { findHolders, type Holder, type Holders } from './holders.ts'
export type { Hook, HookMoment, HookName, Hooks } from './hooks.ts'
export { listSnapshots, showSnapshot, type SnapshotInfo, type SnapshotList, type SnapshotRow } from './list.ts'
export { modeLookup, type ModeNeeds } from './load-mode.ts'
export { type Mode, type ModeSettings, type MountState, type Place, SnapshotMode, snapshotModes } from './mode.ts'
export { type PullOptions, pullSnapshot, type Pushed, pushSnapshot } from './push-pull.ts'
export type { SnapshotRecord } from './record.ts'
export { type Restored, type RestoreOptions, restoreSnapshot } from './restore.ts'
export { type RestoreEntry, restoreHistory } from './restores.ts'
export { runSuites, type RunSuitesOptions, type SuiteRun } from './run.ts'
export { SnapshotManager } from './snapshot-manager.ts'
export { parseStageConfig, readStageConfig, type StageConfig } from './stage-config.ts'
export { type EnvironmentStatus, environmentStatus, stopEnvironment } from './status.ts'
export { beginSuite, type Suite } from './suite.ts'
export { type Verified, verifySnapshot } from './verify.ts'
