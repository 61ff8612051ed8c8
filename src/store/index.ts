/**
 * Stores: a flat map from key to bytes, wherever the bytes lie.
 *
 * Promises: what `store.ts` says, for every driver and every wrapper; `conformance/` checks it.
 * Never does: give meaning to a key or to content, keep state outside of the store, turn trouble into absence.
 */
export { copy, type Copied, type CopyOptions, deletePrefix, digestAt, exists, move, openReader, readAll } from './derive.ts'
export { createFileStore, type FileStoreOptions } from './drivers/file/index.ts'
export { createMemoryStore } from './drivers/memory.ts'
export { createS3Store, type S3Settings, type S3StoreOptions } from './drivers/s3/index.ts'
export { createSftpStore, type SftpSettings, type SftpStoreOptions } from './drivers/sftp/index.ts'
export { openStore, type OpenOptions } from './open.ts'
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
  ObjectReader,
  ObjectStore,
  PutOptions,
  ReaderOptions,
  ResumeMemo,
  Signal,
  Swept,
  SweepOptions,
} from './store.ts'
export { parseStoreUrl, type StorePlace } from './url.ts'
export { type FaultPlan, faultyStore, type PlannedFault, plannedFaults, randomFaults, type StoreFault } from './wrap/faulty.ts'
export { type ByteRate, createByteRate, limitedStore, type Limits } from './wrap/limited.ts'
export { createMeter, type Meter, meteredStore, type MeterReading, type Operation } from './wrap/metered.ts'
export { prefixedStore } from './wrap/prefixed.ts'
export { readOnlyStore } from './wrap/read-only.ts'
export { retryingStore } from './wrap/retrying.ts'
