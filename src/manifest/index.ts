/**
 * What is where: entries, their canonical serialisation, the difference of two manifests, and the plan that follows from it.
 *
 * Promises: the same entries give the same bytes and digest; a path that passes cannot leave its root; decoding and diffing
 * hold one line and one entry of each side at a time; planning is pure; a file that changes while it is read is never described.
 * Never does: touch a store, write anything, follow a symbolic link out of the root, leave out a file silently.
 */
export {
  decodeManifest,
  type DecodeOptions,
  digestOfManifest,
  encodeManifest,
  manifestFormat,
  type ManifestLimits,
  manifestLimits,
} from './codec.ts'
export { describeFile, describeFiles, type DescribedFile, type DescribeOptions } from './describe.ts'
export { type Change, diffManifests } from './diff.ts'
export { checkEntry, checkEntryPath, type Entry, entryShape, isSameEntry, maxMode } from './entry.ts'
export { describePlan, isNothing, type Plan, type PlanOptions, planOf, planToJson, summarisePlan } from './plan.ts'
export { type WalkedFile, walkFiles, type WalkOptions } from './walk.ts'
