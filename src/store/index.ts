/**
 * Stores: a flat map from key to bytes, wherever the bytes lie.
 *
 * Promises: what `store.ts` says, for every driver and every wrapper; `conformance/` checks it.
 * Never does: give meaning to a key or to content, keep state outside of the store, turn trouble into absence.
 */
export { copy, type Copied, type CopyOptions, deletePrefix, exists, move, readAll } from './derive.ts'
export { createFileStore, type FileStoreOptions, type Swept, sweepTemporaries } from './drivers/file/index.ts'
export { createMemoryStore } from './drivers/memory.ts'
export { createS3Store, type S3Settings, type S3StoreOptions } from './drivers/s3/index.ts'
export { type Proof, type ProofOptions, proveConditionalPuts } from './prove.ts'
export type {
  Capabilities,
  Condition,
  GetOptions,
  ListOptions,
  Near,
  NearCopyOptions,
  ObjectBody,
  ObjectInfo,
  ObjectStore,
  PutOptions,
  ResumeMemo,
  Signal,
} from './store.ts'
