/**
 * Content-addressed pieces of a holdfast store: whole artifacts under their digests, immutable records, pins, and the
 * collection of what nothing reaches.
 *
 * Promises: bytes exist only under the digest that they have; what a ref, pin or lease reaches is never deleted; a prune
 * deletes nothing when it meets a record that it does not know, and may be killed anywhere beside writers.
 * Never does: move a name.
 */
export { blobKey, digestOfBlobKey, ensureBlob, type EnsureBlobOptions } from './blob.ts'
export { type ChunkKind, type ChunkList, chunkListOf, type ChunkRef, packChunkRefs } from './chunk.ts'
export type {
  AddFileOptions,
  ChunkLocation,
  ChunkReader,
  ChunkStore,
  ChunkStoreOptions,
  ChunkWriter,
  ExpectedFile,
  IngestedFile,
  OpenReaderOptions,
  WriterOptions,
  WriterStats,
} from './chunk-store.ts'
export { spare } from './condemned.ts'
export { type CopiedNames, type CopiedStore, copyStore, type CopyStoreOptions, planStoreCopy } from './copying/copy-store.ts'
export { collect, type Collected, type CollectOptions } from './collect.ts'
export { ensureStoreFormat, formatKey, readStoreFormat, type StoreFormat, storeFormat } from './format.ts'
export { listPins, type Pin, pinFormat, pinKey, putPin, removePin } from './pin.ts'
export { type Lease, takeLease, type TakeLeaseOptions } from './lease.ts'
export { openChunkReader, openChunkStore } from './open-chunk-store.ts'
export { assertSameCuts, type ChunkParameters, defaultParameters, ensureParameters, readParameters } from './parameters.ts'
export type { Placed, Placement, Supposed } from './placing/place.ts'
export type { Root, Tracer } from './roots.ts'
export {
  digestOfSnapshotKey,
  encodeSnapshotRecord,
  putSnapshotRecord,
  putSnapshotRecords,
  readSnapshotRecord,
  snapshotKey,
} from './snapshot-record.ts'
export { measureStore, type SpaceCount, type SpaceKind, type StoreSpace, type UnneededSpace } from './space.ts'
export { type RepairedObjects, repairObjects } from './verifying/repair-objects.ts'
export { isInPart, type Part, positionOf, type ReadData } from './verifying/part.ts'
export { type Repaired, repairPacks, type RepairOptions } from './verifying/repair-packs.ts'
export { type VerifiedObjects, verifyObjects, type VerifyObjectsOptions } from './verifying/verify-objects.ts'
export { type Damage, type VerifiedPacks, type VerifyOptions, verifyPacks } from './verifying/verify-packs.ts'
