import { asFault, compareKeys, type Fault, isFault } from '../../kit/index.ts'
import type { WorkflowRun } from '../github/shapes.ts'
import type { ImagesSettings, RunMetadata } from '../settings.ts'
import { isDigestTag, runTagOf, type WantedImage, wantedImages } from '../tags.ts'
import type { TagLists } from './tag-source.ts'

/** A successful run, and what its log says of it. */
export interface SeenRun {
  readonly run: WorkflowRun
  /** Undefined where the log has no metadata block, or is not there. */
  readonly metadata: RunMetadata | undefined
  /** Why there is none, where that is not the reason. */
  readonly reason?: string | undefined
  /** Why the log could not be read, this time. */
  readonly failure?: Fault | undefined
}

/** What the newest run of a tag made. */
export interface WantedTag {
  /** The run's: `presto-…-linux-amd64`. */
  readonly tag: string
  readonly platform: string
  readonly run: WorkflowRun
  readonly metadata: RunMetadata
  /** Older runs of the same tag, the newest first. */
  readonly others: readonly WorkflowRun[]
  readonly images: readonly WantedImage[]
}

export interface XrefImage extends WantedImage {
  readonly isPresent: boolean
}

export interface XrefTag extends WantedTag {
  readonly images: readonly XrefImage[]
}

/** A run that brings no images, and why. */
export interface UnusableRun {
  readonly run: WorkflowRun
  readonly tag: string | undefined
  readonly reason: string
}

/** A tag of the registry that none of the runs has made. */
export interface ExtraTag {
  readonly repository: string
  readonly tag: string
  /** What the run’s tag would be; undefined in a repository of no family. */
  readonly runTag: string | undefined
}

/** The difference of two manifests: what the runs made, and what the registry has. */
export interface XrefPlan {
  /** The newest run first. */
  readonly tags: readonly XrefTag[]
  /** By repository and tag. */
  readonly extra: readonly ExtraTag[]
  readonly unusable: readonly UnusableRun[]
  /** Runs whose log could not be read this time. */
  readonly unread: readonly { readonly run: WorkflowRun; readonly failure: Fault }[]
}

export type Rules = Pick<ImagesSettings, 'preset' | 'moving'>

export interface Wanted extends Pick<XrefPlan, 'unusable' | 'unread'> {
  readonly tags: readonly WantedTag[]
}

/** What the runs made, given the newest first. Of several runs with one tag the first counts, also where it is of no use. */
export function wantedOf(rules: Rules, runs: readonly SeenRun[]): Wanted {
  const unusable: UnusableRun[] = []
  const unread: { run: WorkflowRun; failure: Fault }[] = []
  const byTag = new Map<string, { run: WorkflowRun; metadata: RunMetadata }[]>()
  for (const { run, metadata, reason = 'its log has no metadata block', failure } of runs) {
    if (failure !== undefined) unread.push({ run, failure })
    else if (metadata === undefined) unusable.push({ run, tag: undefined, reason })
    else byTag.set(metadata.tag, [...(byTag.get(metadata.tag) ?? []), { run, metadata }])
  }
  const tags: WantedTag[] = []
  for (const [tag, [newest, ...others]] of byTag) {
    const { run, metadata } = newest!
    const images = imagesOf(rules, metadata)
    if (typeof images === 'string') unusable.push({ run, tag, reason: images })
    else tags.push({ tag, platform: images[0]!.platform, run, metadata, others: others.map((each) => each.run), images })
  }
  return { tags, unusable, unread }
}

/** Why not, where there are none. */
function imagesOf(rules: Rules, metadata: RunMetadata): readonly WantedImage[] | string {
  try {
    const images = wantedImages(rules, metadata)
    return images.length === 0 ? 'its metadata block says that no image was built' : images
  } catch (error) {
    if (!isFault(error, 'invalid')) throw error
    return asFault(error).message
  }
}

/**
 * `runs` are successful ones, the newest first. Without `everywhere`, only repositories of families have extra tags. Tags that move and those
 * that name a digest are never extra, nor is what an older run of the tag made, or a run of which is not known what it made.
 */
export function planXref(rules: Rules, runs: readonly SeenRun[], lists: TagLists, { everywhere = false } = {}): XrefPlan {
  const { tags, unusable, unread } = wantedOf(rules, runs)
  const isThere = ({ repository, tag }: WantedImage) => lists.get(repository)?.tags.has(tag) === true
  const made = new Set<string>()
  for (const { metadata } of runs) {
    const images = metadata === undefined ? [] : imagesOf(rules, metadata)
    if (typeof images !== 'string') for (const { repository, tag } of images) made.add(`${repository}:${tag}`)
  }
  const unclear = new Set(unusable.map(({ tag }) => tag))
  const extra: ExtraTag[] = []
  for (const [repository, { tags: present }] of lists) {
    for (const tag of present) {
      if (rules.moving.includes(tag) || isDigestTag(tag) || made.has(`${repository}:${tag}`)) continue
      const runTag = runTagOf(rules, repository, tag)?.runTag
      if (runTag === undefined ? everywhere : !unclear.has(runTag)) extra.push({ repository, tag, runTag })
    }
  }
  return {
    tags: tags.map((each) => ({ ...each, images: each.images.map((image) => ({ ...image, isPresent: isThere(image) })) })),
    extra: extra.toSorted((a, b) => compareKeys(a.repository, b.repository) || compareKeys(a.tag, b.tag)),
    unusable,
    unread,
  }
}

/** The tags of which the registry lacks an image, the newest run first. */
export function missingTags({ tags }: XrefPlan): readonly XrefTag[] {
  return tags.filter(({ images }) => images.some(({ isPresent }) => !isPresent))
}
