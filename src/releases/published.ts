import * as v from 'valibot'
import { bytesOf, canonicalJson, type Digest, digestOf, hexOf, isFault, mapBounded, parseJson } from '../kit/index.ts'
import { blobKey } from '../chunks/index.ts'
import { digestShape } from '../refs/index.ts'
import { digestAt, type ObjectInfo, type ObjectStore, readAll } from '../store/index.ts'
import type { ReleaseContext } from './context.ts'
import { filesOf } from './find.ts'
import { lastStable, type Product, type Publication, stable } from './product.ts'
import type { ReleaseFile } from './record.ts'
import { channelsEver, type VariantRef } from './state.ts'
import type { DesiredFile, View } from './view.ts'

/**
 * What is known of published objects: the digest that an object has while its etag is this. Remembered in the store,
 * since a bucket does not tell digests; each fact is true by itself, so that writers need not take turns.
 */
export interface Facts {
  readonly format: typeof factsFormat
  /** The ref's generation that the view was last brought in line with. */
  readonly generation: number
  /** The move that made this generation; absent in what earlier versions wrote. */
  readonly move?: string | undefined
  readonly objects: Readonly<Record<string, { readonly etag: string; readonly digest: Digest }>>
}

const factsFormat = 'holdfast-facts/1'
const factsShape = v.object({
  format: v.literal(factsFormat),
  generation: v.number(),
  move: v.optional(v.string()),
  objects: v.record(v.string(), v.object({ etag: v.string(), digest: digestShape })),
})

function factsKey(publication: Publication, ref: VariantRef): string {
  return `facts/releases/${hexOf(digestOf(publication.url)).slice(0, 16)}/${ref.name}.json`
}

/** Lost or unreadable facts are no trouble: what they told is found out again. */
export async function readFacts(context: ReleaseContext, publication: Publication, ref: VariantRef): Promise<Facts> {
  const key = factsKey(publication, ref)
  try {
    const { bytes } = await readAll(context.store, key, { limit: 64 << 20, signal: context.signal })
    return parseJson(factsShape, bytes, `${context.store.name}/${key}`)
  } catch (error) {
    if (isFault(error, 'not-found') || isFault(error, 'corrupt')) return { format: factsFormat, generation: 0, objects: {} }
    throw error
  }
}

export async function writeFacts(
  context: ReleaseContext,
  publication: Publication,
  ref: VariantRef,
  objects: Facts['objects'],
): Promise<void> {
  const facts: Facts = { format: factsFormat, generation: ref.generation, move: ref.history.at(-1)?.id, objects }
  await context.store.put(factsKey(publication, ref), bytesOf(canonicalJson(facts) + '\n'), {
    contentType: 'application/json',
    signal: context.signal,
  })
}

/** `last-stable` is the folder `last_stable` where it is published. */
export function publishedFolder(channel: string): string {
  return channel.replaceAll('-', '_')
}

export function publishedKey(channel: string, variant: string, file: ReleaseFile): string {
  return `${publishedFolder(channel)}/${variant}/${file.path}`
}

export function archivedKey(at: string, variant: string, file: ReleaseFile): string {
  return `archives/${variant}/${at}_${file.path}`
}

/** The bucket or folder with a variant's channels and archives as whole files under the keys that people know. */
export async function publishedView(
  context: ReleaseContext,
  product: Product,
  variant: string,
  ref: VariantRef,
  to: ObjectStore,
  facts: Facts,
): Promise<View> {
  const pruned = new Set(ref.state.pruned)
  return {
    to,
    desired: await desiredFiles(context, variant, ref),
    prefixes: prefixesOf(variant, ref),
    isOurs: async (info) =>
      facts.objects[info.key]?.etag === info.etag ||
      pruned.has(archiveTimeIn(info.key, variant) ?? '') ||
      (await isCopyLeftBehind(context, variant, ref, to, info)),
    digestOf: async (info) => knownDigest(info, facts),
    put: { contentType: 'application/octet-stream', cacheControl: product.publish?.cacheControl, public: product.publish?.public },
  }
}

function knownDigest(info: ObjectInfo, facts: Facts): Digest | undefined {
  const fact = facts.objects[info.key]
  return fact !== undefined && fact.etag === info.etag ? fact.digest : info.digest
}

async function desiredFiles(context: ReleaseContext, variant: string, ref: VariantRef): Promise<Map<string, DesiredFile>> {
  const desired = new Map<string, DesiredFile>()
  const add = async (id: Digest, keyOf: (file: ReleaseFile) => string) => {
    for (const file of await filesOf(context, { id, summary: ref.state.releases[id]! })) {
      desired.set(keyOf(file), { size: file.size, digest: file.digest, source: { store: context.store, key: blobKey(file.digest) } })
    }
  }
  for (const [channel, id] of Object.entries(ref.state.channels)) await add(id, (file) => publishedKey(channel, variant, file))
  for (const archived of ref.state.archives) await add(archived.release, (file) => archivedKey(archived.at, variant, file))
  return desired
}

/**
 * Whether an object is a release's own file under a channel's key, left by a command that was ended before it could remember
 * that it had written it. Its bytes are in the store, or were pruned there; any other content is somebody else's.
 */
async function isCopyLeftBehind(
  context: ReleaseContext,
  variant: string,
  ref: VariantRef,
  to: ObjectStore,
  info: ObjectInfo,
): Promise<boolean> {
  const folder = channelFolders(variant, ref).find((start) => info.key.startsWith(start))
  if (folder === undefined) return false
  const releases = Object.entries(ref.state.releases)
  const released = await mapBounded(releases, 16, ([id, summary]) => filesOf(context, { id: id as Digest, summary }), context.signal)
  const files = [...ref.state.prunedFiles, ...released.flat()]
  const digests = new Set(files.filter(({ path, size }) => folder + path === info.key && size === info.size).map(({ digest }) => digest))
  if (digests.size === 0) return false
  return digests.has(await digestAt(to, info.key, { etag: info.etag, signal: context.signal }))
}

/** The folders that this variant has or ever had. */
function prefixesOf(variant: string, ref: VariantRef): string[] {
  return [...channelFolders(variant, ref), `archives/${variant}/`]
}

function channelFolders(variant: string, ref: VariantRef): string[] {
  return [...new Set([stable, lastStable, ...channelsEver(ref)])].sort().map((channel) => `${publishedFolder(channel)}/${variant}/`)
}

function archiveTimeIn(key: string, variant: string): string | undefined {
  const start = `archives/${variant}/`
  return key.startsWith(start) ? /^(\d{8}_\d{6})_/.exec(key.slice(start.length))?.[1] : undefined
}
