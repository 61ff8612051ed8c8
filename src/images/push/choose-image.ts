import { type Digest, Fault } from '../../kit/index.ts'
import {
  type ArchiveContents,
  formatPlatform,
  type ImageDescriptor,
  isPlatform,
  type LayerFacts,
  parseConfig,
  parseManifest,
  parsePlatform,
  storedManifest,
} from '../../oci/index.ts'

/** The one image of a tarball. */
export interface ChosenImage {
  readonly config: { readonly digest: Digest; readonly bytes: Uint8Array }
  /** From the lowest up. */
  readonly layers: readonly LayerFacts[]
  /** An RFC 3339 time. */
  readonly created: string | undefined
}

/**
 * Throws `corrupt` for a tarball that holds none or several, or one for another platform than was wanted: which of them is meant is not
 * guessed. Of an index for several platforms the wanted one is taken.
 */
export function chooseImage(contents: ArchiveContents, platform: string | undefined, at: string): ChosenImage {
  const images = contents.images.length > 0 ? savedImages(contents) : indexedImages(contents, at)
  const distinct = [...new Map(images.map((image) => [image.config.digest, image])).values()]
  const wanted = platform === undefined ? undefined : parsePlatform(platform)
  const fitting = distinct.filter((image) => wanted === undefined || isPlatform(platformOf(image), wanted))
  const [only, second] = fitting
  if (only !== undefined && second === undefined) return only
  if (second !== undefined) throw new Fault('corrupt', `the tarball holds ${fitting.length} images, and one is expected`, { at })
  const others = distinct.map((image) => formatPlatform(platformOf(image)))
  throw new Fault(
    'corrupt',
    others.length === 0
      ? 'the tarball holds no image'
      : `the tarball holds an image for ${others.join(' and ')}, and it is to be for ${platform}`,
    { at },
  )
}

function platformOf({ config: { bytes, digest } }: ChosenImage) {
  return parseConfig(bytes, digest).platform
}

function savedImages({ images, documents }: ArchiveContents): ChosenImage[] {
  return images.map(({ config, layers }) => chosen(config, documents.get(config)!, layers))
}

function chosen(digest: Digest, bytes: Uint8Array, layers: readonly LayerFacts[]): ChosenImage {
  return { config: { digest, bytes }, layers, created: parseConfig(bytes, digest).created }
}

/** Of an oci-archive, those that are there; what tells of builds (attestations) is for no platform. */
function indexedImages({ index = [], documents, layers }: ArchiveContents, at: string): ChosenImage[] {
  const found: ChosenImage[] = []
  const waiting: ImageDescriptor[] = [...index]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const document = documents.get(next.digest)
    if (document === undefined || next.platform?.os === 'unknown') continue
    const content = parseManifest(storedManifest(document, at, next.mediaType), at)
    if (content.kind === 'index') {
      waiting.push(...content.manifests)
      continue
    }
    const config = documents.get(content.config.digest)
    if (config === undefined || content.artifactType !== undefined || content.subject !== undefined) continue
    const facts = content.layers.map(({ digest, mediaType }) => {
      const layer = layers.get(digest)
      if (layer === undefined) throw new Fault('unsupported', `the layer ${digest} (${mediaType}) is not in the tarball`, { at })
      return layer
    })
    checkDiffIds(content.config.digest, config, facts, at)
    found.push(chosen(content.config.digest, config, facts))
  }
  return found
}

function checkDiffIds(digest: Digest, config: Uint8Array, layers: readonly LayerFacts[], at: string): void {
  const { diffIds } = parseConfig(config, digest)
  if (diffIds.length === layers.length && diffIds.every((diffId, place) => layers[place]!.diffId === diffId)) return
  throw new Fault('corrupt', `the layers of the image are not those that its config ${digest} names`, { at })
}
