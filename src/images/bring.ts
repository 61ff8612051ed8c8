import { asFault, type Bytes, type Digest, Fault, throwIfAborted } from '../kit/index.ts'
import type { Registry, StoredManifest } from '../oci/index.ts'
import type { ImagesContext } from './context.ts'
import type { LayerMemory } from './push/layer-memory.ts'
import { type LayerFlights, layerFlights } from './push/layer-flights.ts'
import type { Provenance } from './push/provenance.ts'
import { type PushedImage, pushImage } from './push/push-image.ts'
import { type Retagged, retag } from './push/retag.ts'
import { type Scratch, scratchIn } from './push/scratch.ts'
import type { WantedImage } from './tags.ts'

/** The tag that `--retag-as-latest` moves. */
export const latestTag = 'latest'

export interface BringOptions {
  /** Where a tag names another image. */
  readonly onOther: 'refuse' | 'replace' | 'skip'
  /** Whether `latest` of its repository is to name this image too. */
  readonly isLatest: (image: Place) => boolean
  /** Where layers may lie for a while; without it they are sent where their digest is not known beforehand. */
  readonly scratchFolder?: string | undefined
}

/** Below the registry's project. */
export type Place = Pick<WantedImage, 'repository' | 'tag' | 'family' | 'platform'>

/** What became of one image. */
export interface BroughtImage<Image extends Place = Place> {
  readonly image: Image
  /** `host/project/x86/app:tag` */
  readonly name: string
  readonly pushed?: PushedImage | undefined
  /** What became of `latest`, where that was asked for. */
  readonly latest?: Retagged | undefined
  /** Why it is not there. */
  readonly fault?: Fault | undefined
}

export interface Source {
  readonly tarball: Bytes
  /** What messages call it. */
  readonly at: string
  readonly provenance?: Provenance | undefined
  /** Resolves when what it is part of is known to be right; no tag moves before. */
  readonly whole?: Promise<void> | undefined
}

/** Images on their way to one registry, side by side: what one of them sends, the others need not. */
export interface Bringing {
  /** Throws only when it was stopped: what fails is told in what it gives. */
  bring<Image extends Place>(image: Image, source: Source, signal?: AbortSignal): Promise<BroughtImage<Image>>
  /** Moves `latest` to an image that is there, where it is to be moved. */
  point<Image extends Place>(image: Image, digest: Digest, signal?: AbortSignal): Promise<BroughtImage<Image>>
  nameOf(image: Place): string
}

/** Bytes of the disk. */
const scratchBytes = 4 * 2 ** 30

export async function startBringing(context: ImagesContext, options: BringOptions): Promise<Bringing> {
  const shared: Shared = {
    context,
    options,
    registry: await context.registry(),
    memory: await context.memory(),
    flights: layerFlights(),
    misses: new Map(),
    scratch: options.scratchFolder === undefined ? undefined : scratchIn(options.scratchFolder, scratchBytes),
  }
  return {
    nameOf: (image) => nameOf(shared, image),
    bring: (image, source, signal) => told(shared, image, signal, () => bringOne(shared, image, source, signal)),
    point: (image, digest, signal) =>
      told(shared, image, signal, async () => ({ latest: await pointLatest(shared, image, digest, signal) })),
  }
}

interface Shared {
  readonly context: ImagesContext
  readonly options: BringOptions
  readonly registry: Registry
  readonly memory: LayerMemory
  readonly flights: LayerFlights
  readonly misses: Map<string, number>
  readonly scratch: Scratch | undefined
}

type Outcome = Pick<BroughtImage, 'pushed' | 'latest'>

async function told<Image extends Place>(
  shared: Shared,
  image: Image,
  signal: AbortSignal | undefined,
  work: () => Promise<Outcome>,
): Promise<BroughtImage<Image>> {
  const name = nameOf(shared, image)
  try {
    return { image, name, ...(await work()) }
  } catch (error) {
    throwIfAborted(signal)
    return { image, name, fault: asFault(error) }
  }
}

async function bringOne(shared: Shared, image: Place, source: Source, signal: AbortSignal | undefined): Promise<Outcome> {
  const { context, options } = shared
  const { preset, registryProject } = context.settings
  const { repository, tag, platform } = image
  let latest: Retagged | undefined
  const beforeTag = async ({ digest }: StoredManifest) => {
    await source.whole
    // Before the tag: whoever is killed between both finds the tag missing, and comes here again.
    latest = await pointLatest(shared, image, digest, signal)
  }
  const [folder] = repository.split('/')
  const siblings = preset.families.map(({ name }) => `${folder}/${name}`).filter((other) => other !== repository)
  const { at, tarball, provenance } = source
  const pushed = await pushImage(
    { ...shared, report: context.report, signal },
    {
      tarball,
      at,
      repository: `${registryProject}/${repository}`,
      tag,
      platform,
      provenance,
      onOther: options.onOther,
      mountFrom: siblings.map((other) => `${registryProject}/${other}`),
      beforeTag,
    },
  )
  if (latest === undefined && pushed.tag !== 'kept') latest = await pointLatest(shared, image, pushed.digest, signal)
  return { pushed, latest }
}

async function pointLatest(
  { context, options, registry }: Shared,
  image: Place,
  digest: Digest,
  signal: AbortSignal | undefined,
): Promise<Retagged | undefined> {
  if (!options.isLatest(image)) return undefined
  const repository = `${context.settings.registryProject}/${image.repository}`
  const moving = [...context.settings.moving, latestTag]
  return await retag(registry, {
    from: { repository, tag: digest },
    to: { repository, tag: latestTag },
    moving,
    looksBefore: true,
    clock: context.clock,
    signal,
  })
}

function nameOf({ context, registry }: Shared, { repository, tag }: Place): string {
  return `${registry.host}/${context.settings.registryProject}/${repository}:${tag}`
}

/** One fault for all that failed: that of all of them where nothing else was done, else `partial`. Undefined where nothing failed. */
export function faultOfImages(images: readonly BroughtImage[], hint: string): Fault | undefined {
  const failed = images.filter(({ fault }) => fault !== undefined)
  const [first] = failed
  if (first?.fault === undefined) return undefined
  const { fault, name } = first
  const isAll = failed.length === images.length || images.every((each) => each.fault !== undefined || !wasDone(each))
  if (isAll && failed.every((each) => each.fault?.code === fault.code)) {
    const more = failed.length === 1 ? '' : ` (and ${failed.length - 1} more in the same way)`
    return new Fault(fault.code, `${fault.message}${more}`, { at: fault.at ?? name, hint: fault.hint, cause: fault.cause })
  }
  return new Fault('partial', `${failed.length} of ${images.length} images failed: ${failed.map((each) => each.name).join(', ')}`, {
    at: name,
    hint,
    cause: fault,
  })
}

/** Whether something in the registry changed. */
export function wasDone({ pushed, latest }: BroughtImage): boolean {
  return pushed?.tag === 'created' || pushed?.tag === 'moved' || (latest !== undefined && latest.tag !== 'same')
}
