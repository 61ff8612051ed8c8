import type { Digest } from '../../kit/index.ts'
import type { Signal } from '../../store/index.ts'
import type { ImageConfig } from '../model/config.ts'
import type { ImageDescriptor } from '../model/descriptor.ts'
import type { ImageSource } from '../model/image-source.ts'
import { type ImageManifest, parseManifest } from '../model/manifest.ts'
import { formatPlatform } from '../model/platform.ts'
import type { StoredManifest } from '../registry/registry.ts'
import { configOf } from './describe.ts'
import { choosePlatform } from './graph.ts'

/** One way in which two images differ. */
export interface ImageDifference {
  /** Of images of several platforms, the one in which. */
  readonly platform?: string | undefined
  readonly part: 'platform' | 'layer' | 'config' | 'annotation'
  /** `repacked`: the same layer in another compression. */
  readonly change: 'added' | 'removed' | 'changed' | 'repacked'
  /** A layer's digest, the path of a setting, the name of an annotation. */
  readonly what: string
  readonly before?: string | undefined
  readonly after?: string | undefined
  /** Of a layer. */
  readonly size?: number | undefined
}

export interface ComparedImages {
  readonly a: Digest
  readonly b: Digest
  readonly differences: readonly ImageDifference[]
  /** Layers that both have, each once, and their bytes. */
  readonly shared: { readonly layers: number; readonly bytes: number }
}

export interface ImageSide {
  readonly source: ImageSource
  readonly stored: StoredManifest
}

/** Nothing where the digests are the same. An image beside an index is compared with the image of its platform. */
export async function compareImages(a: ImageSide, b: ImageSide, o: Signal = {}): Promise<ComparedImages> {
  const shared = new Map<Digest, number>()
  const differences = a.stored.digest === b.stored.digest ? [] : await differencesOf(a, b, shared, o)
  const bytes = [...shared.values()].reduce((sum, size) => sum + size, 0)
  return { a: a.stored.digest, b: b.stored.digest, differences, shared: { layers: shared.size, bytes } }
}

async function differencesOf(a: ImageSide, b: ImageSide, shared: Map<Digest, number>, o: Signal): Promise<ImageDifference[]> {
  const [inA, inB] = [parseManifest(a.stored), parseManifest(b.stored)]
  if (inA.kind === 'manifest' && inB.kind === 'manifest')
    return await imageDifferences({ ...a, manifest: inA }, { ...b, manifest: inB }, shared, o)
  if (inA.kind === 'manifest') return await differencesOf(a, await likeOther(b, { ...a, manifest: inA }, o), shared, o)
  if (inB.kind === 'manifest') return await differencesOf(await likeOther(a, { ...b, manifest: inB }, o), b, shared, o)
  const differences = recordDifferences('annotation', inA.annotations, inB.annotations)
  const [before, after] = [byPlatform(inA.manifests), byPlatform(inB.manifests)]
  for (const platform of new Set([...before.keys(), ...after.keys()])) {
    const [own, other] = [before.get(platform), after.get(platform)]
    if (own === undefined || other === undefined) {
      differences.push({
        part: 'platform',
        change: own === undefined ? 'added' : 'removed',
        what: platform,
        before: own?.digest,
        after: other?.digest,
      })
    } else if (own.digest !== other.digest) {
      const sides = [await childSide(a, own, o), await childSide(b, other, o)] as const
      for (const found of await differencesOf(...sides, shared, o)) differences.push({ platform, ...found })
    }
  }
  return differences
}

/** Of an index, the image for the platform of the other side. */
async function likeOther({ source, stored }: ImageSide, other: ImageSide & { manifest: ImageManifest }, o: Signal): Promise<ImageSide> {
  const config = await configOf(other.source, other.manifest, o)
  const platform = config?.platform ?? { os: 'linux', architecture: 'unknown' }
  return { source, stored: await choosePlatform(source, stored, platform, o) }
}

async function childSide({ source }: ImageSide, { digest }: ImageDescriptor, o: Signal): Promise<ImageSide> {
  return { source, stored: await source.manifest(digest, o) }
}

/** What says no platform is known by its place among the others that do not. */
function byPlatform(entries: readonly ImageDescriptor[]): Map<string, ImageDescriptor> {
  const found = new Map<string, ImageDescriptor>()
  for (const entry of entries) {
    const name = entry.platform === undefined ? 'no platform' : formatPlatform(entry.platform)
    for (let count = 1; ; count++) {
      const key = count === 1 ? name : `${name} (${count})`
      if (found.has(key)) continue
      found.set(key, entry)
      break
    }
  }
  return found
}

type Side = ImageSide & { readonly manifest: ImageManifest }

async function imageDifferences(a: Side, b: Side, shared: Map<Digest, number>, o: Signal): Promise<ImageDifference[]> {
  const [before, after] = [await configOf(a.source, a.manifest, o), await configOf(b.source, b.manifest, o)]
  const platforms = [before, after].map((config) => (config === undefined ? 'none' : formatPlatform(config.platform)))
  return [
    ...(platforms[0] === platforms[1]
      ? []
      : [{ part: 'platform', change: 'changed', what: 'platform', before: platforms[0], after: platforms[1] } as const]),
    ...layerDifferences(a.manifest, b.manifest, before, after, shared),
    ...recordDifferences('config', settingsOf(before), settingsOf(after)),
    ...recordDifferences('annotation', a.manifest.annotations, b.manifest.annotations),
  ]
}

function layerDifferences(
  a: ImageManifest,
  b: ImageManifest,
  before: ImageConfig | undefined,
  after: ImageConfig | undefined,
  shared: Map<Digest, number>,
): ImageDifference[] {
  const [own, others] = [new Set(a.layers.map(({ digest }) => digest)), new Set(b.layers.map(({ digest }) => digest))]
  for (const { digest, size } of b.layers) if (own.has(digest)) shared.set(digest, size)
  const gone = a.layers.map((layer, at) => ({ ...layer, diffId: before?.diffIds[at] })).filter(({ digest }) => !others.has(digest))
  const come = b.layers.map((layer, at) => ({ ...layer, diffId: after?.diffIds[at] })).filter(({ digest }) => !own.has(digest))
  const differences: ImageDifference[] = []
  for (const { digest, size, diffId } of gone) {
    const again = come.find((layer) => diffId !== undefined && layer.diffId === diffId)
    if (again === undefined) differences.push({ part: 'layer', change: 'removed', what: digest, size })
    else differences.push({ part: 'layer', change: 'repacked', what: diffId!, before: digest, after: again.digest, size: again.size })
  }
  for (const { digest, size, diffId } of come) {
    if (!gone.some((layer) => diffId !== undefined && layer.diffId === diffId))
      differences.push({ part: 'layer', change: 'added', what: digest, size })
  }
  const isMoved = a.layers.length !== b.layers.length || a.layers.some(({ digest }, at) => digest !== b.layers[at]?.digest)
  if (differences.length > 0 || !isMoved) return differences
  return [{ part: 'layer', change: 'changed', what: 'the order of the layers' }]
}

/** Settings by their path; variables of the environment and labels by their names. */
function settingsOf(config: ImageConfig | undefined): Record<string, string> {
  const settings: Record<string, string> = config?.created === undefined ? {} : { created: config.created }
  for (const [name, value] of Object.entries(config?.config ?? {})) {
    if (name === 'Env' && Array.isArray(value)) {
      for (const line of value.map(String)) settings[`Env ${line.split('=', 1)[0]!}`] = line.slice(line.indexOf('=') + 1)
    } else if (value !== null && typeof value === 'object' && !Array.isArray(value)) {
      for (const [key, each] of Object.entries(value)) settings[`${name} ${key}`] = textOf(each)
    } else if (value !== null && value !== undefined) settings[name] = textOf(value)
  }
  return settings
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function recordDifferences(
  part: 'config' | 'annotation',
  before: Readonly<Record<string, string>> = {},
  after: Readonly<Record<string, string>> = {},
): ImageDifference[] {
  const [own, others] = [new Map(Object.entries(before)), new Map(Object.entries(after))]
  return [...new Set([...own.keys(), ...others.keys()])].toSorted().flatMap((what): ImageDifference[] => {
    const [was, is] = [own.get(what), others.get(what)]
    if (was === is) return []
    return [{ part, change: was === undefined ? 'added' : is === undefined ? 'removed' : 'changed', what, before: was, after: is }]
  })
}
