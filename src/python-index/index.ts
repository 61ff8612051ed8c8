/**
 * A Python package index on object storage: mirrored, published, promoted, rolled back, served.
 *
 * Promises: one conditional write moves what all prefixes publish; nothing is listed whose digest is wrong; pages are a view that
 * follows the ref, files first and roots last; what did not change is neither read nor written.
 * Never does: listen on a port, touch a foreign file, remove a file that a page still names.
 */
export { type CdnForm, describeCdn, purgePaths } from './cdn.ts'
export { checkIndex, type CheckOptions, type CheckReport, type CheckTarget, type Finding } from './check/check.ts'
export { filesOfProject, findMissing } from './check/closure.ts'
export { type CatalogueDifference, compareCatalogues, type ProjectDifference } from './compare.ts'
export type { IndexContext } from './context.ts'
export { detectPrefixes } from './detect-prefixes.ts'
export type { Dependency, IndexEnvironment } from './environment.ts'
export { catalogueAt, type Generation, listGenerations, type Once } from './history.ts'
export type { Moved } from './mirror/bring.ts'
export { mirror, type Mirrored, type MirrorOptions } from './mirror/mirror.ts'
export type { MirrorFailure, MirrorPlan, PlannedFile, PlannedTarget } from './mirror/plan.ts'
export { archive, type ArchiveOptions } from './moves/archive.ts'
export { type MarkOptions, markProject, projectStatuses } from './moves/mark.ts'
export { promote, type PromoteOptions } from './moves/promote.ts'
export { rollback, type RollbackOptions } from './moves/rollback.ts'
export { unyank, yank, type YankOptions } from './moves/yank.ts'
export { parsePythons } from './names/target.ts'
export type { Candidate, CandidatePrefix } from './publish/change.ts'
export { publish, type PublishOptions } from './publish/publish.ts'
export type { FileChange, Published, PublishedPrefix, Refusal } from './publish/published.ts'
export { publishKeys } from './publish/publish-keys.ts'
export { reconcile, type ReconcileOptions } from './publish/reconcile.ts'
export { readCatalogue, readIndex, readProject } from './records/read.ts'
export type { ProjectRecord, ProjectStatus, PublishedFile } from './records/project.ts'
export { type IndexRef, refNameOfBucket } from './records/state.ts'
export { type HandlerOptions, indexHandler, indexResponder } from './serve/handler.ts'
export { type Login, parseNetrc } from './upstream/netrc.ts'
export { openUpstream } from './upstream/upstream.ts'
