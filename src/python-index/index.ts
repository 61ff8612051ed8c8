/**
 * A Python package index on object storage: mirrored, published, promoted, rolled back, served.
 *
 * Promises: one conditional write moves what all prefixes publish; nothing is listed whose digest is wrong; pages are a view that
 * follows the ref, files first and roots last; what did not change is neither read nor written.
 * Never does: listen on a port, touch a foreign file, remove a file that a page still names.
 */
export type { IndexContext } from './context.ts'
export type { Dependency, IndexEnvironment } from './environment.ts'
export type { Candidate, CandidatePrefix } from './publish/change.ts'
export { publish, type PublishOptions } from './publish/publish.ts'
export type { FileChange, Published, PublishedPrefix, Refusal } from './publish/published.ts'
export { reconcile, type ReconcileOptions } from './publish/reconcile.ts'
