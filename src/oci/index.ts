/**
 * Images and the registry protocol of OCI.
 *
 * Promises: what comes from a registry is compared with its digest before anybody can use it; what breaks off goes on; credentials go to the
 * registry that they belong to and the token server that it names, over TLS or on this machine, and into no message.
 * Never does: encode a manifest anew, guess a fallback, read the environment.
 */
export type { ArchiveContents, ArchivedImage, ArchiveLayer, ArchiveMember, LayerFacts } from './archive/member.ts'
export { openArchive } from './archive/open.ts'
export { type ArchiveLimits, readArchive } from './archive/read.ts'
export { unpacked } from './archive/unpacked.ts'
export { type CompressedLayer, compressLayer, type LayerMap, layerMap } from './compress.ts'
export { compareImages, type ComparedImages, type ImageDifference } from './copy/compare.ts'
export { carryOutCopy, type CopiedBlob, type CopiedImage } from './copy/copy.ts'
export { deleteByDigest, deleteTag, findNamers, type Namers } from './copy/delete.ts'
export { describeImage, type DescribedImage } from './copy/describe.ts'
export { choosePlatform } from './copy/graph.ts'
export { joinImages } from './copy/join.ts'
export { openSource, openTarget, packedFor, type RegistryFor } from './copy/open-place.ts'
export { packedLayersIn } from './copy/packed-source.ts'
export { type CopyPlan, type CopyWishes, planCopy, type PlannedName } from './copy/plan.ts'
export { readSmallBlob } from './copy/small-blob.ts'
export type { RegistryCredential } from './credentials/credential.ts'
export { type CredentialSources, findCredentials } from './credentials/find.ts'
export { openLayout } from './layout/read.ts'
export { openLayoutTarget } from './layout/write.ts'
export { type ImageConfig, parseConfig } from './model/config.ts'
export type { ImageDescriptor } from './model/descriptor.ts'
export type { ImageSource, ImageTarget } from './model/image-source.ts'
export {
  describeManifest,
  type ImageIndex,
  type ImageManifest,
  makeIndex,
  makeManifest,
  parseManifest,
  storedManifest,
} from './model/manifest.ts'
export { type LayerForm, layerType, mediaTypes } from './model/media-types.ts'
export { formatPlatform, isPlatform, parsePlatform, type Platform } from './model/platform.ts'
export { parsePlace, type Place } from './place.ts'
export { formatImageName, type ImageName, isRegistryHost, isRepository, isTag, parseImageName } from './reference.ts'
export { openRegistry } from './registry/open.ts'
export type { Descriptor, ManifestHead, PutBlobOptions, Registry, RegistryOptions, StoredManifest, Upload } from './registry/registry.ts'
export { sendStream } from './registry/send.ts'
