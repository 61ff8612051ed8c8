import { type Digest, isFault, mapBounded } from '../../kit/index.ts'
import type { Signal } from '../../store/index.ts'
import { type ImageConfig, parseConfig } from '../model/config.ts'
import type { ImageDescriptor } from '../model/descriptor.ts'
import type { ImageSource } from '../model/image-source.ts'
import { type ImageManifest, parseManifest } from '../model/manifest.ts'
import { isConfigType, isIndexType, isManifestType } from '../model/media-types.ts'
import type { Platform } from '../model/platform.ts'
import type { Descriptor, StoredManifest } from '../registry/registry.ts'
import { readSmallBlob } from './small-blob.ts'

/** What there is to say about an image, or about an index of images. */
export interface DescribedImage {
  readonly digest: Digest
  readonly mediaType: string
  readonly kind: 'image' | 'index' | 'artifact'
  readonly artifactType?: string | undefined
  readonly platform?: Platform | undefined
  readonly created?: string | undefined
  /** Of manifest, config and layers together; of an index, with all images of it that are there, each blob once. */
  readonly size: number
  readonly config?: Descriptor | undefined
  readonly layers: readonly Descriptor[]
  readonly images: readonly DescribedEntry[]
  readonly annotations: Readonly<Record<string, string>>
  readonly labels: Readonly<Record<string, string>>
  readonly subject?: Digest | undefined
  readonly referrers: readonly Descriptor[]
}

/** An entry of an index. */
export interface DescribedEntry extends ImageDescriptor {
  /** Of what it names; undefined where that is not there. */
  readonly total: number | undefined
}

const width = 6

/** What an image is made of, platform by platform, and what refers to it. Reads manifests and configurations, and no layer. */
export async function describeImage(source: ImageSource, stored: StoredManifest, o: Signal = {}): Promise<DescribedImage> {
  const content = parseManifest(stored)
  const referrers: Descriptor[] = []
  for await (const referrer of source.referrers(stored.digest, o)) referrers.push(referrer)
  const shared = {
    digest: stored.digest,
    mediaType: stored.mediaType,
    artifactType: content.artifactType,
    annotations: content.annotations ?? {},
    subject: content.subject?.digest,
    referrers,
  }
  if (content.kind === 'index') {
    const blobs = new Map<Digest, number>([[stored.digest, stored.bytes.byteLength]])
    const images = await mapBounded(content.manifests, width, (entry, signal) => describeEntry(source, entry, blobs, { signal }), o.signal)
    return { ...shared, kind: 'index', size: sumOf(blobs), layers: [], images, labels: {} }
  }
  const config = await configOf(source, content, o)
  return {
    ...shared,
    kind: config === undefined ? 'artifact' : 'image',
    platform: config?.platform,
    created: config?.created,
    size: sumOf(blobsOf(stored, content)),
    config: content.config,
    layers: content.layers,
    images: [],
    labels: labelsOf(config),
  }
}

/** Undefined where the manifest is of something else than an image that runs. */
export async function configOf(source: ImageSource, { config }: ImageManifest, o?: Signal): Promise<ImageConfig | undefined> {
  if (!isConfigType(config.mediaType)) return undefined
  return parseConfig(await readSmallBlob(source, config, o), config.digest)
}

async function describeEntry(source: ImageSource, entry: ImageDescriptor, blobs: Map<Digest, number>, o: Signal): Promise<DescribedEntry> {
  if (!isManifestType(entry.mediaType) && !isIndexType(entry.mediaType)) return { ...entry, total: entry.size }
  try {
    const stored = await source.manifest(entry.digest, o)
    const content = parseManifest(stored)
    const own = blobsOf(stored, content.kind === 'manifest' ? content : undefined)
    for (const [digest, size] of own) blobs.set(digest, size)
    return { ...entry, total: sumOf(own) }
  } catch (error) {
    if (!isFault(error, 'not-found')) throw error
    return { ...entry, total: undefined }
  }
}

function blobsOf(stored: StoredManifest, manifest: ImageManifest | undefined): Map<Digest, number> {
  const parts = manifest === undefined ? [] : [manifest.config, ...manifest.layers]
  return new Map([[stored.digest, stored.bytes.byteLength], ...parts.map(({ digest, size }) => [digest, size] as const)])
}

function sumOf(sizes: ReadonlyMap<Digest, number>): number {
  return [...sizes.values()].reduce((sum, size) => sum + size, 0)
}

function labelsOf(config: ImageConfig | undefined): Record<string, string> {
  const labels = config?.config?.['Labels']
  if (labels === null || typeof labels !== 'object') return {}
  return Object.fromEntries(Object.entries(labels).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])))
}
