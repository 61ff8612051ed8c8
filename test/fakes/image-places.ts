import { gzipSync } from 'node:zlib'
import { bytesOf, collect, type Digest, digestOf, Fault } from '../../src/kit/index.ts'
import {
  type Descriptor,
  describeManifest,
  type ImageSource,
  type ImageTarget,
  layerType,
  makeIndex,
  makeManifest,
  mediaTypes,
  parseManifest,
  type StoredManifest,
} from '../../src/oci/index.ts'
import { fakeImage, fakeLayer } from './images.ts'

/** A place of images in memory, to copy from and to. It notes what is done to it, in order. */
export interface ImagePlace extends ImageSource, Omit<ImageTarget, 'manifest'> {
  readonly name: string
  readonly blobs: Map<Digest, Uint8Array>
  readonly manifests: Map<Digest, StoredManifest>
  readonly tags: Map<string, Digest>
  /** `blob …`, `manifest …`, `tag NAME …`, in the order in which they were there. */
  readonly written: string[]
  /** Calls of each verb. */
  readonly calls: Map<string, number>
}

export function imagePlace(name = 'a place'): ImagePlace {
  const [blobs, manifests, tags] = [new Map<Digest, Uint8Array>(), new Map<Digest, StoredManifest>(), new Map<string, Digest>()]
  const written: string[] = []
  const calls = new Map<string, number>()
  const called = (verb: string) => void calls.set(verb, (calls.get(verb) ?? 0) + 1)
  const manifest = (digest: Digest): StoredManifest => {
    const found = manifests.get(digest)
    if (found === undefined) throw new Fault('not-found', `no manifest ${digest}`, { at: name })
    return found
  }
  return {
    name,
    blobs,
    manifests,
    tags,
    written,
    calls,
    width: 3,
    async resolve(ref) {
      called('resolve')
      const digest = ref?.startsWith('sha256:') === true ? (ref as Digest) : tags.get(ref ?? [...tags.keys()][0] ?? '')
      if (digest === undefined) throw new Fault('not-found', `no ${ref}`, { at: name })
      return manifest(digest)
    },
    async manifest(digest) {
      called('manifest')
      return manifest(digest)
    },
    async blob({ digest }) {
      called('blob')
      const bytes = blobs.get(digest)
      if (bytes === undefined) throw new Fault('not-found', `no blob ${digest}`, { at: name })
      return bytesOf(bytes)
    },
    async *referrers(digest) {
      called('referrers')
      for (const stored of manifests.values()) if (parseManifest(stored).subject?.digest === digest) yield describeManifest(stored)
    },
    refs: async () => [...tags.keys()],
    async named(ref) {
      called('named')
      return tags.get(ref)
    },
    async hasWhole({ digest }) {
      called('hasWhole')
      return manifests.has(digest)
    },
    async hasBlob({ digest, size }) {
      called('hasBlob')
      return blobs.get(digest)?.byteLength === size
    },
    async putBlob({ digest }, body) {
      const bytes = await collect(body, 1 << 28)
      if (digestOf(bytes) !== digest) throw new Fault('corrupt', `not ${digest}`, { at: name })
      blobs.set(digest, bytes)
      written.push(`blob ${digest}`)
    },
    async putStream({ bytes, result }) {
      const whole = await collect(bytes, 1 << 28)
      blobs.set(result().digest, whole)
      written.push(`blob ${result().digest}`)
    },
    async putManifest(stored, ref) {
      const content = parseManifest(stored)
      const parts = content.kind === 'manifest' ? [content.config, ...content.layers] : content.manifests
      for (const { digest } of parts) {
        if (!blobs.has(digest) && !manifests.has(digest)) throw new Fault('invalid', `${stored.digest} before ${digest}`, { at: name })
      }
      manifests.set(stored.digest, stored)
      written.push(ref === undefined ? `manifest ${stored.digest}` : `tag ${ref} ${stored.digest}`)
      if (ref !== undefined) tags.set(ref, stored.digest)
    },
    async close() {},
  }
}

export interface PlacedImage {
  readonly stored: StoredManifest
  readonly config: Descriptor
  readonly layers: readonly Descriptor[]
}

/** An image with layers in gzip. The same input gives the same image. */
export function placeImage(
  place: ImagePlace,
  layers: readonly string[],
  more: { tag?: string; architecture?: string; subject?: StoredManifest } = {},
): PlacedImage {
  const plain = layers.map((text) => fakeLayer({ [`${text.slice(0, 40).replaceAll('/', '_')}.txt`]: text }))
  const image = fakeImage('fake', plain, more.architecture)
  const put = (bytes: Uint8Array, mediaType: string): Descriptor => {
    place.blobs.set(digestOf(bytes), bytes)
    return { mediaType, digest: digestOf(bytes), size: bytes.byteLength }
  }
  const config = put(image.config, mediaTypes.ociConfig)
  const packed = plain.map((layer) => put(gzipSync(layer, { level: 1 }), layerType('gzip')))
  const subject = more.subject === undefined ? undefined : describeManifest(more.subject)
  const stored = makeManifest({
    config,
    layers: packed,
    subject,
    artifactType: subject === undefined ? undefined : 'application/x.signature',
  })
  place.manifests.set(stored.digest, stored)
  if (more.tag !== undefined) place.tags.set(more.tag, stored.digest)
  return { stored, config, layers: packed }
}

/** One image for each architecture, the last layer its own. */
export function placeIndex(
  place: ImagePlace,
  tag: string,
  architectures: readonly string[],
  shared = 'shared',
): { stored: StoredManifest; images: readonly PlacedImage[] } {
  const images = architectures.map((architecture) =>
    placeImage(place, [shared, `${architecture} of ${shared.slice(0, 40)}`], { architecture }),
  )
  const stored = makeIndex({
    manifests: images.map((image, at) => ({
      ...describeManifest(image.stored),
      platform: { os: 'linux', architecture: architectures[at]! },
    })),
  })
  place.manifests.set(stored.digest, stored)
  place.tags.set(tag, stored.digest)
  return { stored, images }
}
