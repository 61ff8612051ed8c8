/**
 * Directory trees in a store: created, listed, compared, restored, checked and copied.
 *
 * Promises: the same tree has the same root; a restore writes nothing outside of its target; a tree that is being restored
 * in place is old, new, or marked and made new by the next restore.
 * Never does: change the tree that it makes a snapshot of.
 */
export { describeOmission, type Omission } from './attributes/index.ts'
export type { SnapshotContext } from './context.ts'
export { type Copied, type CopyPlan, copySnapshots, planCopy } from './copy/copy.ts'
export { type Created, type CreateOptions, createSnapshot } from './create/create.ts'
export { type CreatePlan, planSnapshot } from './create/plan.ts'
export type { Problem } from './create/problems.ts'
export { type ExportFormat, exportFormats, type ExportOptions, exportSnapshot, type Exported } from './export/export.ts'
export type { Loss } from './export/losses.ts'
export type { ExportTarget } from './export/output.ts'
export { type Forgotten, type ForgetOptions, forgetSnapshots } from './keep/forget.ts'
export type { ForgetPlan, KeepRules } from './keep/rules.ts'
export { type Pinned, type PinOptions, pinSnapshot, unpinSnapshot } from './keep/pin.ts'
export { type TagChange, tagSnapshot } from './keep/tag.ts'
export { contentOf } from './look/content.ts'
export { findEntries, type FoundEntry } from './look/find.ts'
export { type Extent, type SnapshotStatistics, type Statistics, statisticsOf } from './look/statistics.ts'
export type { SnapshotSummary } from './record/line.ts'
export {
  chooseSnapshot,
  findSnapshot,
  type Listed,
  type ListFilter,
  listSnapshots,
  parseSnapshotRef,
  pinnedSnapshots,
  shortId,
  type SnapshotRef,
} from './record/lines.ts'
export { readRecord, type SnapshotRecord } from './record/record.ts'
export { restoreSnapshot, type Restored, type RestoreOptions } from './restore/restore.ts'
export { traceNode } from './trace.ts'
export { type Aspect, compareTrees, type Difference } from './tree/compare.ts'
export type { Entry, EntryKind } from './tree/entry.ts'
export { type ByteText, byteText, shownName } from './tree/name.ts'
export { lookUp, type Placed, walkTree } from './tree/walk.ts'
export { type RepairedSnapshots, repairSnapshots } from './verify/repair.ts'
export type { Touched } from './verify/touched.ts'
export { type Damage, type Verified, type VerifyOptions, verifySnapshots } from './verify/verify.ts'
