import { type Bytes, bytesOf, type Digest, Fault, isFault, mapBounded, observed, type Report } from '../../kit/index.ts'
import {
  describeManifest,
  type Descriptor,
  type ImageDescriptor,
  layerType,
  makeManifest,
  mediaTypes,
  parseManifest,
  readArchive,
  type Registry,
  type StoredManifest,
} from '../../oci/index.ts'
import { chooseImage, type ChosenImage } from './choose-image.ts'
import type { LayerFlights } from './layer-flights.ts'
import type { LayerMemory } from './layer-memory.ts'
import { type PlacedLayer, placeLayer, type Placing, type PlacingLayer } from './place-layer.ts'
import { annotationsOf, isOfSameArtifact, makeReferrer, type Provenance } from './provenance.ts'
import type { Scratch } from './scratch.ts'

/** What images that are pushed side by side share. */
export interface PushContext {
  readonly registry: Registry
  readonly memory: LayerMemory
  readonly flights: LayerFlights
  /** How often in a row a repository did not have a layer that was looked for there. */
  readonly misses: Map<string, number>
  /** Without it, a layer whose digest is not known beforehand is sent. */
  readonly scratch?: Scratch | undefined
  readonly report: Report
  readonly signal?: AbortSignal | undefined
}

export interface ImagePush {
  /** An archive of `docker save`, skopeo, podman or buildkit with one image, packed or not. */
  readonly tarball: Bytes
  /** What messages call it. */
  readonly at: string
  readonly repository: string
  readonly tag: string
  /** `linux/amd64`; an image for another one is refused. */
  readonly platform?: string | undefined
  readonly provenance?: Provenance | undefined
  /** Where the tag names another image. */
  readonly onOther: 'refuse' | 'replace' | 'skip'
  /** Other repositories of the registry that may have layers, the likeliest first. */
  readonly mountFrom: readonly string[]
  /** What is to be done once everything is there and checked, and before the tag says so. */
  readonly beforeTag?: ((manifest: StoredManifest) => Promise<void>) | undefined
}

export interface PushedImage {
  /** What the tag names now. */
  readonly digest: Digest
  /** `kept`: the tag names another image, and was left alone. */
  readonly tag: 'created' | 'moved' | 'same' | 'kept'
  /** What it named before. */
  readonly before?: Digest | undefined
  /** From the lowest up; none where the tag was right before anything was read. */
  readonly layers: readonly PushedLayer[]
  /** Of blobs that were sent. */
  readonly sentBytes: number
  readonly referrer?: Digest | undefined
}

export interface PushedLayer {
  readonly digest: Digest
  readonly size: number
  readonly how: PlacedLayer['how']
  readonly by: PlacedLayer['by']
}

const maxInflatedBytes = 2 ** 38
/** Readings of one tarball: more are asked for only by uploads that a registry loses, or layers that are not what was remembered. */
const maxReadings = 4
const headsAtOnce = 4
const mostConfirms = 5

/**
 * Brings a tarball's image to a registry: layers as they come, then the config, the manifest under its digest, and a referrer that tells where
 * it comes from; the tag moves last, after every blob's presence and size was checked. The same tarball gives the same manifest.
 *
 * Throws `precondition` with both digests where the tag names another image that is to stay: then nothing was sent.
 */
export async function pushImage(context: PushContext, push: ImagePush): Promise<PushedImage> {
  const { registry, signal } = context
  const { repository, tag, provenance, onOther } = push
  const before = (await registry.headManifest(repository, tag, { signal }))?.digest
  if (before !== undefined && onOther === 'skip') return unread(before, 'kept')
  if (
    before !== undefined &&
    onOther === 'refuse' &&
    provenance !== undefined &&
    (await isPushedAlready(context, push, before, provenance))
  ) {
    return unread(before, 'same')
  }
  // Where the tag is going to be refused, nothing is sent for it.
  const isMeasuring = before !== undefined && onOther === 'refuse'
  const read = await readImage(context, push, isMeasuring)
  const manifest = manifestOf(read, provenance)
  if (isMeasuring) {
    if (manifest.digest !== before) throw refused(context, push, before, manifest.digest)
    return { ...unread(before, 'same'), layers: read.layers.map(shownLayer) }
  }
  return await finishImage(context, push, read, manifest)
}

function unread(digest: Digest, tag: 'same' | 'kept'): PushedImage {
  return { digest, tag, before: digest, layers: [], sentBytes: 0 }
}

/** Its annotations say so, and they were checked with all else before the tag moved there. */
async function isPushedAlready(
  { registry, signal }: PushContext,
  { repository }: ImagePush,
  digest: Digest,
  provenance: Provenance,
): Promise<boolean> {
  const content = parseManifest(await registry.manifest(repository, digest, { signal }))
  return content.kind === 'manifest' && isOfSameArtifact(content.annotations, provenance)
}

interface ReadImage {
  readonly image: ChosenImage
  /** From the lowest up. */
  readonly layers: readonly PlacedLayer[]
}

async function readImage(context: PushContext, push: ImagePush, isMeasuring: boolean): Promise<ReadImage> {
  const distrusted = new Set<string>()
  for (let reading = 1; ; reading++) {
    const placing: Placing = {
      ...context,
      scratch: context.scratch,
      signal: context.signal,
      repository: push.repository,
      mountFrom: push.mountFrom,
      archiveName: archiveNameOf(push.provenance),
      isMeasuring,
      distrusted,
      underWay: [],
    }
    const canReadAgain = push.tarball.rewindable && reading < maxReadings
    try {
      const read = await readOnce(placing, context, push)
      if (read !== undefined) return read
      if (!canReadAgain) {
        throw new Fault('unavailable', 'a layer of the tarball is not what was known of it', {
          at: push.at,
          hint: 'run it again: that is forgotten now',
        })
      }
    } catch (error) {
      // The registry has lost an upload: what it has of it cannot be sent again from a stream.
      if (!isFault(error, 'precondition') || !canReadAgain) throw error
    } finally {
      await Promise.allSettled(placing.underWay)
    }
    const text = `${push.at} is read again: a layer was lost on its way, or is not what was known of it; what has arrived is not sent again`
    context.report({ kind: 'note', level: 'info', text, event: 'tarball_read_again' })
  }
}

/** Undefined where a layer has to be read again. */
async function readOnce(placing: Placing, { report, signal }: PushContext, push: ImagePush): Promise<ReadImage | undefined> {
  const { at, tarball, platform } = push
  const task = at
  report({ kind: 'begin', task, bytes: tarball.length })
  try {
    const pending: PlacingLayer[] = []
    let image: ChosenImage | undefined
    const bytes = observed(tarball, (piece) => report({ kind: 'advance', task, bytes: piece.byteLength }), signal)
    for await (const member of readArchive(bytes, at, { inflatedBytes: maxInflatedBytes })) {
      if (member.kind === 'contents') image = chooseImage(member, platform, at)
      else pending.push(await placeLayer(placing, member))
    }
    const placed = new Map<Digest, PlacedLayer>()
    let isComplete = true
    for (const settle of pending) {
      const layer = await settle()
      if (layer === undefined) isComplete = false
      else placed.set(layer.layer.archived, layer)
    }
    if (!isComplete) return undefined
    return { image: image!, layers: image!.layers.map(({ digest }) => placed.get(digest)!) }
  } finally {
    report({ kind: 'end', task })
  }
}

function archiveNameOf(provenance: Provenance | undefined): string | undefined {
  if (provenance === undefined) return undefined
  const { artifactDigest, repo, artifact, entry } = provenance
  return `${artifactDigest ?? `${repo}#${artifact}`} ${entry}`
}

function manifestOf({ image, layers }: ReadImage, provenance: Provenance | undefined): StoredManifest {
  return makeManifest({
    config: configOf(image),
    layers: layers.map(({ layer }) => descriptorOf(layer)),
    annotations: annotationsOf(provenance, image.created),
  })
}

function configOf({ config }: ChosenImage): ImageDescriptor {
  return { mediaType: mediaTypes.ociConfig, digest: config.digest, size: config.bytes.byteLength }
}

function descriptorOf({ digest, size, form }: PlacedLayer['layer']): ImageDescriptor {
  return { mediaType: layerType(form), digest, size }
}

function shownLayer({ layer, how, by }: PlacedLayer): PushedLayer {
  return { digest: layer.digest, size: layer.size, how, by }
}

async function finishImage(context: PushContext, push: ImagePush, read: ReadImage, manifest: StoredManifest): Promise<PushedImage> {
  const { registry, signal } = context
  const { repository, provenance } = push
  const layers = read.layers.map(shownLayer)
  let sentBytes = layers.reduce((sum, { how, size }) => sum + (how === 'sent' ? size : 0), 0)
  const put = async (descriptor: Descriptor, bytes: Uint8Array) => {
    if ((await registry.headBlob(repository, descriptor.digest, { signal })) !== undefined) return
    await registry.putBlob(repository, descriptor.digest, bytesOf(bytes), { signal })
    sentBytes += descriptor.size
  }
  const config = configOf(read.image)
  await put(config, read.image.config.bytes)
  const blobs = [config, ...read.layers.map(({ layer }) => descriptorOf(layer))]
  await untilThere(async () => {
    await confirmBlobs(context, push, blobs)
    await registry.putManifest(repository, manifest.digest, manifest, { signal })
  })
  let referrer: Digest | undefined
  if (provenance !== undefined) {
    const made = makeReferrer(
      manifest,
      provenance,
      read.layers.map(({ layer }) => layer),
    )
    for (const { descriptor, bytes } of made.blobs) await put(descriptor, bytes)
    // In a registry without a list of referrers, a tag is written that names it.
    referrer = await untilThere(() => registry.putManifest(repository, made.manifest.digest, made.manifest, { signal }))
  }
  await push.beforeTag?.(manifest)
  return { ...(await moveTag(context, push, manifest)), layers, sentBytes, referrer }
}

/**
 * A registry that keeps files may miss a blob or a manifest for the moment in which another client's upload of the same one ends there: then it
 * is asked again. What is not there stays not there.
 */
async function untilThere<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      const isMissing = isFault(error, 'corrupt') || (isFault(error, 'invalid') && error.message.includes('MANIFEST_BLOB_UNKNOWN'))
      if (!isMissing || attempt === mostConfirms) throw error
    }
  }
}

async function confirmBlobs(
  { registry, signal }: PushContext,
  { repository }: ImagePush,
  blobs: readonly ImageDescriptor[],
): Promise<void> {
  await mapBounded(
    blobs,
    headsAtOnce,
    async ({ digest, size }, stopping) => {
      const head = await registry.headBlob(repository, digest, { signal: stopping })
      if (head?.size === size) return
      const has = head === undefined ? 'does not have it' : `has ${head.size} of its ${size} bytes`
      throw new Fault('corrupt', `the registry took ${digest} and ${has}`, {
        at: `${registry.host}/${repository}`,
        hint: 'nothing was tagged: run it again, and look at the registry if it happens again',
      })
    },
    signal,
  )
}

async function moveTag(
  context: PushContext,
  push: ImagePush,
  manifest: StoredManifest,
): Promise<Pick<PushedImage, 'digest' | 'tag' | 'before'>> {
  const { registry, signal } = context
  const { repository, tag, onOther } = push
  const { digest } = describeManifest(manifest)
  const before = (await registry.headManifest(repository, tag, { signal }))?.digest
  if (before === digest) return { digest, tag: 'same', before }
  if (before !== undefined && onOther === 'skip') return { digest: before, tag: 'kept', before }
  if (before !== undefined && onOther === 'refuse') throw refused(context, push, before, digest)
  await untilThere(() => registry.putManifest(repository, tag, manifest, { signal }))
  return { digest, tag: before === undefined ? 'created' : 'moved', before }
}

function refused({ registry }: PushContext, { repository, tag, at }: ImagePush, before: Digest, digest: Digest): Fault {
  return new Fault('precondition', `${repository}:${tag} names ${before}, and ${at} is ${digest}`, {
    at: `${registry.host}/${repository}:${tag}`,
    hint: 'a tag of a commit does not change: if it is to, use --force',
  })
}
