/**
 * Images that a workflow of GitHub Actions builds, brought to a registry.
 *
 * Promises: a run's images are those that its log says, under the tags that the rules give; what is present is never taken for missing.
 * Never does: guess a family, a platform or a tag; read the configuration by itself.
 */
export { type ImagesContext, openImages } from './context.ts'
export type { ImagesAccess } from './registry-login.ts'
export { type GitLab, openGitLab } from './gitlab/gitlab.ts'
export { listImages } from './gitlab/list-images.ts'
export { type ImageMemory, measureImages } from './layer-sizes.ts'
export { findGitLabToken, type GitLabToken } from './gitlab/token.ts'
export {
  type Architecture,
  type Family,
  gitlabHostOf,
  type ImagesSettings,
  type MetadataKeys,
  registryOf,
  type RunMetadata,
  type WorkflowInput,
} from './settings.ts'
export { isDigestTag, registryTag, runTagOf, wantedImages } from './tags.ts'
export { velox } from './velox.ts'
export { buildInputs } from './build-inputs.ts'
export type { WorkflowRun } from './github/shapes.ts'
export { githubToken } from './github/token.ts'
export { layerFlights } from './push/layer-flights.ts'
export { openLayerMemory } from './push/layer-memory.ts'
export { type Origin, originOf, type Provenance } from './push/provenance.ts'
export { type ImagePush, type PushContext, type PushedImage, pushImage } from './push/push-image.ts'
export { retag, type TagName } from './push/retag.ts'
export { clean, planClean } from './steps/clean.ts'
export { downloadTag } from './steps/download.ts'
export { downloadFolder } from './steps/folder.ts'
export { prepareTag } from './steps/prepare.ts'
export { crossReference, type Xref } from './xref/cross-reference.ts'
export { missingTags, type XrefTag } from './xref/plan.ts'
export { openTags } from './xref/tag-source.ts'
export { type BroughtImage, faultOfImages, wasDone } from './bring.ts'
export { type Cycle, type CycledTag, cycle, faultOfCycle, imagesOf, lookForMissing } from './cycle.ts'
export { type DaemonEvent, runDaemon } from './run-daemon.ts'
export { type PlannedPush, planPush, pushPlanned } from './steps/push.ts'
export { type SyncedTag, syncTag } from './sync.ts'
