import { type Digest, Fault, isFault, mapBounded } from '../../kit/index.ts'
import type { Signal } from '../../store/index.ts'
import { parseConfig } from '../model/config.ts'
import type { ImageDescriptor } from '../model/descriptor.ts'
import type { ImageSource, ImageTarget } from '../model/image-source.ts'
import { describeManifest, parseManifest } from '../model/manifest.ts'
import { isForeignLayer, isIndexType, isManifestType } from '../model/media-types.ts'
import { formatPlatform, isPlatform, type Platform } from '../model/platform.ts'
import type { Descriptor, StoredManifest } from '../registry/registry.ts'
import { readSmallBlob } from './small-blob.ts'

/** A manifest or an index that is to be in the target. */
export interface ImageNode {
  readonly descriptor: ImageDescriptor
  /** Undefined where the target has it, and with it all that it names. */
  readonly stored: StoredManifest | undefined
  readonly role: 'image' | 'index' | 'referrer'
}

/** All that a name reaches, as far as it is to be copied. */
export interface ImageGraph {
  readonly top: StoredManifest
  /** Each behind all that it names; what refers to an image behind that image. */
  readonly nodes: readonly ImageNode[]
  readonly blobs: readonly Descriptor[]
  /** Names made of a digest, such as those of cosign's signatures, and what they name. */
  readonly digestTags: ReadonlyMap<string, Digest>
  /** Layers that lie with their owner alone, and are copied nowhere. */
  readonly foreign: readonly Descriptor[]
}

export interface GraphOptions extends Signal {
  readonly source: ImageSource
  readonly target: Pick<ImageTarget, 'hasWhole'>
  /** With what refers to the images, and their digest tags. */
  readonly all?: boolean | undefined
  /** Nothing is taken for whole because its manifest is there. */
  readonly checksAll?: boolean | undefined
}

const maxManifests = 5000
const maxManifestBytes = 256 << 20
const maxDepth = 6
const width = 6

/** The names of cosign, and of whoever else made their like. `sha256-…` alone is the list of referrers, which the target keeps itself. */
const digestTag = /^sha256-([0-9a-f]{64})\.[\w.-]+$/

/** The image of one platform: `top` itself, or that of an index. Throws `not-found` and names those that there are. */
export async function choosePlatform(source: ImageSource, top: StoredManifest, wanted: Platform, o?: Signal): Promise<StoredManifest> {
  const content = parseManifest(top)
  if (content.kind === 'manifest') {
    const { platform } = parseConfig(await readSmallBlob(source, content.config, o), content.config.digest)
    if (isPlatform(platform, wanted)) return top
    throw lacks(source, wanted, [platform])
  }
  const found = content.manifests.find(({ platform }) => platform !== undefined && isPlatform(platform, wanted))
  if (found !== undefined) return await childOf(source, found, o)
  throw lacks(
    source,
    wanted,
    content.manifests.flatMap(({ platform }) => platform ?? []),
  )
}

/** Reads manifests alone, and of those that the target has whole not even them. */
export async function readGraph(top: StoredManifest, options: GraphOptions): Promise<ImageGraph> {
  const reading: Reading = { ...options, nodes: new Map(), manifests: 0, bytes: 0 }
  const tree = await visit(reading, describeManifest(top), top, 0)
  const nodes = new Map(tree.map((node) => [node.descriptor.digest, node]))
  const digestTags = options.all === true ? await addReferrers(reading, nodes) : new Map<string, Digest>()
  const parts = [...nodes.values()].flatMap(({ stored }) => (stored === undefined ? [] : partsOf(stored)))
  return {
    top,
    nodes: [...nodes.values()],
    blobs: uniqueBlobs(parts.filter(({ mediaType }) => !isForeignLayer(mediaType))),
    digestTags,
    foreign: parts.filter(({ mediaType }) => isForeignLayer(mediaType)),
  }
}

interface Reading extends GraphOptions {
  readonly nodes: Map<Digest, Promise<readonly ImageNode[]>>
  manifests: number
  bytes: number
}

async function visit(
  reading: Reading,
  descriptor: ImageDescriptor,
  known: StoredManifest | undefined,
  depth: number,
  role?: 'referrer',
): Promise<readonly ImageNode[]> {
  const begun = reading.nodes.get(descriptor.digest) ?? visitAnew(reading, descriptor, known, depth, role)
  reading.nodes.set(descriptor.digest, begun)
  return await begun
}

async function visitAnew(
  reading: Reading,
  descriptor: ImageDescriptor,
  known: StoredManifest | undefined,
  depth: number,
  role?: 'referrer',
): Promise<readonly ImageNode[]> {
  const { source, target, signal, checksAll = false } = reading
  if (depth > maxDepth) throw new Fault('corrupt', `indexes within indexes, more than ${maxDepth} deep`, { at: source.name })
  if (++reading.manifests > maxManifests)
    throw new Fault('corrupt', `the image has more than ${maxManifests} manifests`, { at: source.name })
  const isIndex = isIndexType(descriptor.mediaType)
  const isThere = !checksAll && ((await target.hasWhole?.(descriptor, { signal })) ?? false)
  const own = { descriptor, role: role ?? (isIndex ? 'index' : 'image') } as const
  if (isThere && !isIndex) return [{ ...own, stored: undefined }]
  const stored = known ?? (await childOf(source, descriptor, { signal }))
  reading.bytes += stored.bytes.byteLength
  if (reading.bytes > maxManifestBytes) {
    throw new Fault('corrupt', `the manifests of the image are larger than their limit of ${maxManifestBytes} bytes together`, {
      at: source.name,
    })
  }
  const content = parseManifest(stored)
  // A registry may have taken an index without all of its images: those are looked for each.
  const children = content.kind === 'index' ? content.manifests.filter(isManifest) : []
  const below = await mapBounded(children, width, (child) => visit(reading, child, undefined, depth + 1, role), signal)
  return [...below.flat(), { ...own, stored: isThere ? undefined : stored }]
}

/** Also of what refers to those that refer, until there is no more. Gives the digest tags. */
async function addReferrers(reading: Reading, nodes: Map<Digest, ImageNode>): Promise<Map<string, Digest>> {
  const { source, signal } = reading
  const digestTags = new Map<string, Digest>()
  const byDigest = groupedTags(await source.refs({ signal }))
  const add = async (descriptor: Descriptor, stored?: StoredManifest) => {
    for (const node of await visit(reading, descriptor, stored, 0, 'referrer')) {
      if (!nodes.has(node.descriptor.digest)) nodes.set(node.descriptor.digest, node)
    }
  }
  // A map gives what is added to it while it is walked.
  for (const digest of nodes.keys()) {
    for await (const descriptor of source.referrers(digest, { signal })) if (isManifest(descriptor)) await add(descriptor)
    for (const tag of byDigest.get(digest) ?? []) {
      const stored = await source.resolve(tag, { signal })
      await add(describeManifest(stored), stored)
      digestTags.set(tag, stored.digest)
    }
  }
  return digestTags
}

function groupedTags(tags: readonly string[]): Map<Digest, string[]> {
  const byDigest = new Map<Digest, string[]>()
  for (const tag of tags) {
    const hex = digestTag.exec(tag)?.[1]
    if (hex === undefined) continue
    const others = byDigest.get(`sha256:${hex}`) ?? []
    byDigest.set(`sha256:${hex}`, [...others, tag])
  }
  return byDigest
}

async function childOf(source: ImageSource, { digest, size, mediaType }: Descriptor, o?: Signal): Promise<StoredManifest> {
  const stored = await source.manifest(digest, o).catch((error: unknown) => {
    if (!isFault(error, 'not-found')) throw error
    throw new Fault('not-found', `the index names ${digest}, and it is not there`, {
      at: source.name,
      hint: 'where only some of the platforms are there, --platform copies one of them',
      cause: error,
    })
  })
  if (stored.bytes.byteLength !== size || stored.mediaType !== mediaType) {
    throw new Fault(
      'corrupt',
      `expected ${size} bytes of ${mediaType} as ${digest}, got ${stored.bytes.byteLength} of ${stored.mediaType}`,
      { at: source.name },
    )
  }
  return stored
}

function isManifest({ mediaType }: Descriptor): boolean {
  return isManifestType(mediaType) || isIndexType(mediaType)
}

/** What has to be there before the manifest: an index may name other things than images too. */
function partsOf(stored: StoredManifest): readonly Descriptor[] {
  const content = parseManifest(stored)
  return content.kind === 'manifest' ? [content.config, ...content.layers] : content.manifests.filter((each) => !isManifest(each))
}

function uniqueBlobs(parts: readonly Descriptor[]): Descriptor[] {
  const unique = new Map<Digest, Descriptor>()
  for (const part of parts) {
    const { digest, size } = unique.get(part.digest) ?? part
    if (size !== part.size) throw new Fault('corrupt', `${digest} is said to have ${size} bytes, and ${part.size} elsewhere`)
    if (!unique.has(digest)) unique.set(digest, part)
  }
  // The largest first: they decide how long it takes.
  return [...unique.values()].toSorted((a, b) => b.size - a.size)
}

function lacks({ name }: ImageSource, wanted: Platform, has: readonly Platform[]): Fault {
  const names = [...new Set(has.map(formatPlatform))]
  return new Fault('not-found', `there is no image for ${formatPlatform(wanted)}`, {
    at: name,
    hint: names.length === 0 ? 'it says of none which platform it is for' : `it has ${names.slice(0, 20).join(', ')}`,
  })
}
