import { type Digest, Fault } from '../../kit/index.ts'
import type { Signal } from '../../store/index.ts'
import type { ImageDescriptor } from '../model/descriptor.ts'
import type { ImageSource } from '../model/image-source.ts'
import { describeManifest, makeIndex, parseManifest } from '../model/manifest.ts'
import { formatPlatform, type Platform } from '../model/platform.ts'
import type { StoredManifest } from '../registry/registry.ts'
import type { ImageSide } from './compare.ts'
import { configOf } from './describe.ts'

/** Images of several places as one index, whose only image it is. */
export interface JoinedImages extends ImageSource {
  readonly entries: readonly ImageDescriptor[]
}

/**
 * One index of images of different platforms, in the order in which they are given; of an index among them, its images. A platform is what
 * the image's own config says. Throws `invalid` for two images of one platform, and for what is no image.
 */
export async function joinImages(
  sides: readonly ImageSide[],
  annotations: Readonly<Record<string, string>> | undefined,
  o: Signal = {},
): Promise<JoinedImages> {
  const owners = new Map<Digest, ImageSource>()
  const entries = new Map<Digest, ImageDescriptor>()
  for (const side of sides) {
    for (const entry of await entriesOf(side, o)) {
      checkPlatform(entry, [...entries.values()])
      entries.set(entry.digest, entry)
      owners.set(entry.digest, side.source)
    }
  }
  const index = makeIndex({ manifests: [...entries.values()], annotations })
  return { ...joinedSource(sides, index, owners), entries: [...entries.values()] }
}

async function entriesOf({ source, stored }: ImageSide, o: Signal): Promise<readonly ImageDescriptor[]> {
  const content = parseManifest(stored)
  if (content.kind === 'index') {
    if (content.manifests.length === 0) throw new Fault('invalid', 'an index without images', { at: source.name })
    return content.manifests
  }
  const config = await configOf(source, content, o)
  if (config !== undefined) return [{ ...describeManifest(stored), platform: config.platform }]
  throw new Fault('invalid', `not an image that runs: its config is ${content.config.mediaType}`, { at: source.name })
}

/** What belongs to other entries, such as the attestations that buildkit makes, has none and may be there again and again. */
function checkPlatform({ digest, platform }: ImageDescriptor, others: readonly ImageDescriptor[]): void {
  if (platform === undefined || platform.os === 'unknown') return
  const other = others.find((entry) => entry.digest !== digest && isSame(entry.platform, platform))
  if (other === undefined) return
  throw new Fault('invalid', `two images are for ${formatPlatform(platform)}: ${other.digest} and ${digest}`, {
    hint: 'an index has one image for each platform: leave one of them out',
  })
}

function isSame(a: Platform | undefined, b: Platform): boolean {
  return a !== undefined && formatPlatform(a) === formatPlatform(b)
}

function joinedSource(sides: readonly ImageSide[], index: StoredManifest, owners: Map<Digest, ImageSource>): ImageSource {
  const ownerOf = (digest: Digest): ImageSource => {
    const owner = owners.get(digest)
    if (owner === undefined) throw new Fault('not-found', `none of the images has ${digest}`)
    return owner
  }
  return {
    name: 'the joined images',
    resolve: async () => index,
    async manifest(digest, o) {
      if (digest === index.digest) return index
      const owner = ownerOf(digest)
      const stored = await owner.manifest(digest, o)
      const content = parseManifest(stored)
      // What it names is where it is.
      const parts = content.kind === 'index' ? content.manifests : [content.config, ...content.layers]
      for (const part of parts) owners.set(part.digest, owner)
      return stored
    },
    blob: async (descriptor, o) => await ownerOf(descriptor.digest).blob(descriptor, o),
    async *referrers(digest, o) {
      const owner = owners.get(digest)
      if (owner === undefined) return
      for await (const referrer of owner.referrers(digest, o)) {
        owners.set(referrer.digest, owner)
        yield referrer
      }
    },
    refs: async () => [],
    async close() {
      for (const { source } of sides) await source.close()
    },
  }
}
