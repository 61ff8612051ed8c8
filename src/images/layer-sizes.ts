import { asFault, type Digest, type Fault, isFault, mapBounded } from '../kit/index.ts'
import { type ImageManifest, type ImageIndex, parseManifest, type Registry } from '../oci/index.ts'
import type { ImagesContext } from './context.ts'
import { openTags } from './xref/tag-source.ts'

/** What one tag takes in the registry, and what of it other tags have as well. Bytes as they are stored: compressed. */
export interface MeasuredTag {
  readonly repository: string
  readonly tag: string
  readonly digest: Digest
  /** All of its manifests, configurations and layers. */
  readonly bytes: number
  readonly layers: number
  /** Layers that another of the measured tags has too. */
  readonly shared: { readonly layers: number; readonly bytes: number }
}

export interface MeasuredImages {
  readonly tags: readonly MeasuredTag[]
  /** The sum of all tags, and the same with what they share counted once. */
  readonly bytes: number
  readonly unique: number
  readonly unread: readonly { readonly repository: string; readonly tag: string; readonly failure: Fault }[]
  /** Tags beyond the limit, which were not looked at. */
  readonly left: number
}

/** What manifests say, by their digest: it never changes. */
export type ImageMemory = Map<Digest, Contents>

interface Contents {
  /** Of the manifests and configurations. */
  readonly ownBytes: number
  readonly layers: ReadonlyMap<Digest, number>
}

/** Tags that are looked at. */
const mostTags = 200
/** Platforms of one tag. */
const mostPlatforms = 16
/** Manifests that are remembered. */
const mostRemembered = 2_000
const width = 4

/**
 * Looks at the tags of all configured families, at most 200 of them, the last by their names first. One request finds out each tag's digest; what is behind a digest is asked for once.
 * A tag that cannot be read hides no other.
 */
export async function measureImages(context: ImagesContext, memory: ImageMemory): Promise<MeasuredImages> {
  const { settings, signal } = context
  const { preset, registryProject } = settings
  const repositories = preset.architectures.flatMap(({ folder }) => preset.families.map(({ name }) => `${folder}/${name}`))
  const lists = await (await openTags(context)).list(repositories, { signal })
  const names = repositories
    .flatMap((repository) => [...(lists.get(repository)?.tags ?? [])].map((tag) => ({ repository, tag })))
    .toSorted((a, b) => (a.tag < b.tag ? 1 : a.tag > b.tag ? -1 : a.repository < b.repository ? -1 : 1))
  const registry = await context.registry()
  const looked = await mapBounded(
    names.slice(0, mostTags),
    width,
    async (name, inner) => {
      try {
        const at = { registry, repository: `${registryProject}/${name.repository}`, signal: inner }
        return { ...name, ...(await look(at, name.tag, memory)) }
      } catch (error) {
        if (signal?.aborted === true || isFault(error, 'bug')) throw error
        return { ...name, failure: asFault(error) }
      }
    },
    signal,
  )
  forgetOldest(memory)
  const read = looked.filter((each) => 'contents' in each)
  return {
    ...sumOf(read),
    unread: looked.filter((each) => 'failure' in each),
    left: Math.max(0, names.length - mostTags),
  }
}

interface Looked {
  readonly repository: string
  readonly tag: string
  readonly digest: Digest
  readonly contents: Contents
}

function sumOf(looked: readonly Looked[]): Pick<MeasuredImages, 'tags' | 'bytes' | 'unique'> {
  const holders = new Map<Digest, number>()
  for (const { contents } of looked) for (const layer of contents.layers.keys()) holders.set(layer, (holders.get(layer) ?? 0) + 1)
  const tags = looked.map(({ repository, tag, digest, contents }): MeasuredTag => {
    const shared = [...contents.layers].filter(([layer]) => holders.get(layer)! > 1)
    return {
      repository,
      tag,
      digest,
      bytes: bytesOf(contents),
      layers: contents.layers.size,
      shared: { layers: shared.length, bytes: shared.reduce((sum, [, size]) => sum + size, 0) },
    }
  })
  const once = new Map(looked.flatMap(({ contents }) => [...contents.layers]))
  const images = new Map(looked.map(({ digest, contents }) => [digest, contents.ownBytes]))
  const total = (sizes: Iterable<number>) => [...sizes].reduce((sum, size) => sum + size, 0)
  return { tags, bytes: total(tags.map((each) => each.bytes)), unique: total(once.values()) + total(images.values()) }
}

function bytesOf({ ownBytes, layers }: Contents): number {
  return [...layers.values()].reduce((sum, size) => sum + size, ownBytes)
}

interface Place {
  readonly registry: Registry
  readonly repository: string
  readonly signal: AbortSignal
}

async function look(at: Place, tag: string, memory: ImageMemory): Promise<Pick<Looked, 'digest' | 'contents'>> {
  const { registry, repository, signal } = at
  const head = await registry.headManifest(repository, tag, { signal })
  const digest = head?.digest ?? (await registry.manifest(repository, tag, { signal })).digest
  const contents = memory.get(digest) ?? (await read(at, digest))
  // What is used again is the last to be forgotten.
  memory.delete(digest)
  memory.set(digest, contents)
  return { digest, contents }
}

async function read(at: Place, digest: Digest): Promise<Contents> {
  const top = await readManifest(at, digest)
  if (top.parsed.kind === 'manifest') return contentsOf([top])
  const platforms = top.parsed.manifests.slice(0, mostPlatforms)
  // An index may name platforms that the registry does not have: they take nothing in it.
  const found = await mapBounded(platforms, 2, async (each) => await readManifest(at, each.digest).catch(unlessAbsent), at.signal)
  return contentsOf([top, ...found.filter((each) => each !== undefined)])
}

interface Read {
  readonly size: number
  readonly parsed: ImageManifest | ImageIndex
}

async function readManifest({ registry, repository, signal }: Place, digest: Digest): Promise<Read> {
  const stored = await registry.manifest(repository, digest, { signal })
  return { size: stored.bytes.byteLength, parsed: parseManifest(stored) }
}

function unlessAbsent(error: unknown): undefined {
  if (!isFault(error, 'not-found')) throw error
}

function contentsOf(manifests: readonly Read[]): Contents {
  const layers = new Map<Digest, number>()
  let ownBytes = 0
  for (const { size, parsed } of manifests) {
    ownBytes += size
    if (parsed.kind === 'index') continue
    ownBytes += parsed.config.size
    for (const layer of parsed.layers) layers.set(layer.digest, layer.size)
  }
  return { ownBytes, layers }
}

function forgetOldest(memory: ImageMemory): void {
  for (const oldest of memory.keys()) {
    if (memory.size <= mostRemembered) break
    memory.delete(oldest)
  }
}
