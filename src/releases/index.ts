/**
 * Library releases in channels: a build becomes stable, the old stable last-stable, then an archive.
 *
 * Promises: one conditional write moves all channels of a variant; nothing is seen before its bytes are stored and verified;
 * a release that fails is archived, never lost; published keys and metadata files are views that follow the ref and are put
 * right by reconcile.
 * Never does: move artifact bytes for a rotation, touch another variant, remove a file that it did not write.
 */
export { compareReleases, type Comparison, type Side } from './compare.ts'
export type { ReleaseContext } from './context.ts'
export { type Created, type CreateOptions, type CreatePlan, createRelease, idToCome, planCreate } from './create.ts'
export { type ExportFormat, exportFormats, exportReleases } from './export.ts'
export { type FetchedFile, type FetchOptions, fetchRelease, findFiles } from './fetch.ts'
export { nameOf, type Selected, type Selector, shortId } from './find.ts'
export { type HistoryRow, historyOf, listReleases, type Row, type Shown, showRelease, statusOf, type VariantStatus } from './list.ts'
export { metadataText } from './metadata.ts'
export { channelName, lastStable, type Product, type Publication, refNameFor, stable, variantOf } from './product.ts'
export { pin, pruneArchives, type Pruned, type PruneOptions, timeOf, unpin } from './prune.ts'
export { type Reconciled, type ReconciledView, reconcile } from './reconcile.ts'
export type { Release, ReleaseFile, SourceCommit } from './record.ts'
export { archiveTime, type Rotation, type Step } from './rotate.ts'
export { planPromote, planRollback, promote, type PromoteOptions, rollback, type RollbackOptions, type Shifted } from './shift.ts'
export { type Archived, type MoveNote, releaseRefs, type ReleaseSummary, type VariantState } from './state.ts'
export { type Problem, type Verified, verifyReleases } from './verify.ts'
