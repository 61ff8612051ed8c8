import { asFault, Fault, throwIfAborted } from '../kit/index.ts'
import { type BroughtImage, faultOfImages } from './bring.ts'
import type { ImagesContext } from './context.ts'
import { type SyncedTag, syncTag } from './sync.ts'
import type { WantedImage } from './tags.ts'
import { crossReference, type Xref } from './xref/cross-reference.ts'
import { missingTags, type XrefTag } from './xref/plan.ts'
import { openTags } from './xref/tag-source.ts'

export interface CycleOptions {
  /** Bring all images of a bundle of which one is missing, also those that are there. */
  readonly force?: boolean | undefined
  /** `latest` of a repository is to name the image of the newest run. */
  readonly retagAsLatest?: boolean | undefined
  readonly scratchFolder?: string | undefined
  /** Tags that are left alone this time. */
  readonly isWaiting?: ((missing: XrefTag) => boolean) | undefined
  readonly onTag?: ((tag: CycledTag) => void) | undefined
}

/** A tag of which an image was missing. */
export interface CycledTag {
  readonly missing: XrefTag
  readonly synced?: SyncedTag | undefined
  /** Why not all of its images are there. */
  readonly fault?: Fault | undefined
}

export interface Cycle {
  readonly xref: Xref
  /** The newest run first. */
  readonly tags: readonly CycledTag[]
  readonly waiting: readonly XrefTag[]
}

/** Finds out what the registry lacks. */
export async function lookForMissing(context: ImagesContext): Promise<{ readonly xref: Xref; readonly missing: readonly XrefTag[] }> {
  const { settings, report, signal } = context
  const xref = await crossReference({ settings, runs: await context.github(), tags: await openTags(context), report, signal })
  return { xref, missing: missingTags(xref) }
}

/** Brings what the registry lacks, tag after tag. One that fails stops no other and is told; throws only where it is not known what is missing. */
export async function cycle(context: ImagesContext, options: CycleOptions = {}): Promise<Cycle> {
  const { xref, missing } = await lookForMissing(context)
  const waiting = missing.filter((tag) => options.isWaiting?.(tag) === true)
  const tags: CycledTag[] = []
  for (const tag of missing.filter((each) => !waiting.includes(each))) {
    throwIfAborted(context.signal)
    const done = await bringMissing(context, options, xref, tag)
    tags.push(done)
    options.onTag?.(done)
  }
  return { xref, tags, waiting }
}

async function bringMissing(context: ImagesContext, options: CycleOptions, xref: Xref, missing: XrefTag): Promise<CycledTag> {
  const { force = false, retagAsLatest = false, scratchFolder } = options
  const absent = new Set(missing.images.filter(({ isPresent }) => !isPresent).map(({ repository }) => repository))
  try {
    const synced = await syncTag(context, {
      tag: missing.tag,
      described: missing,
      isWanted: ({ repository }) => force || absent.has(repository),
      onOther: force ? 'replace' : 'skip',
      // An older build that comes late does not take it from a newer one.
      isLatest: (image) => retagAsLatest && newestOf(xref, image) === missing.tag,
      scratchFolder,
    })
    return { missing, synced, fault: faultOfImages(synced.images, 'run it again: only what is missing is brought') }
  } catch (error) {
    throwIfAborted(context.signal)
    return { missing, fault: asFault(error) }
  }
}

/** The tag of the newest run that made an image of this repository. */
function newestOf({ tags }: Xref, { repository }: Pick<WantedImage, 'repository'>): string | undefined {
  return tags.find(({ images }) => images.some((image) => image.repository === repository))?.tag
}

/** All images of a cycle that were looked at. */
export function imagesOf({ tags }: Pick<Cycle, 'tags'>): readonly BroughtImage<WantedImage>[] {
  return tags.flatMap(({ synced }) => synced?.images ?? [])
}

/** `partial` with what failed; undefined where nothing did. */
export function faultOfCycle({ tags, xref }: Pick<Cycle, 'tags' | 'xref'>): Fault | undefined {
  const again = 'run it again: only what is missing is brought'
  const failed = tags.filter(({ fault }) => fault !== undefined)
  const [first] = failed
  if (first !== undefined) {
    // Where trying again helps nothing, what does for the first that is shown.
    const hint = failed.every(({ fault }) => fault?.retry === 'never') ? (first.fault?.hint ?? again) : again
    const list = failed.map(({ missing }) => missing.tag).join(', ')
    return new Fault('partial', `${failed.length} of ${tags.length} tags failed: ${list}`, { hint, cause: first.fault })
  }
  const [unread] = xref.unread
  if (unread === undefined) return undefined
  const text = `the logs of ${xref.unread.length} of ${xref.looked} runs could not be read: ${unread.failure.message}`
  return new Fault('partial', text, { at: unread.run.url, hint: again, cause: unread.failure })
}
