import * as v from 'valibot'
import { canonicalJson, collect, type Digest, digestOf, isDigest, isFault, parseJson } from '../../kit/index.ts'
import type { Signal } from '../../store/index.ts'
import { describeManifest, type Descriptor, type ImageSource, makeManifest, parseManifest, type StoredManifest } from '../../oci/index.ts'
import type { RunMetadata } from '../settings.ts'
import type { KnownLayer } from './layer-memory.ts'

/** Where an image comes from. */
export interface Provenance {
  /** `owner/name` */
  readonly repo: string
  readonly workflow: string
  /** The run's id. */
  readonly run: number
  readonly attempt: number
  readonly runUrl: string
  /** That the run was of. */
  readonly commit?: string | undefined
  /** The artifact's id. */
  readonly artifact: number
  /** Of the artifact's zip, where GitHub tells it. */
  readonly artifactDigest?: Digest | undefined
  readonly metadata: RunMetadata
  /** The tarball in the artifact. */
  readonly entry: string
}

/** What a referrer of the image tells. */
export interface Origin extends Provenance {
  /** From the lowest up. */
  readonly layers: readonly Pick<KnownLayer, 'diffId' | 'digest' | 'size'>[]
}

/** The type of the referrer, and of the document that it holds. */
export const originType = 'application/vnd.holdfast.image.origin.v1+json'

const keys = {
  repo: 'holdfast.github.repository',
  workflow: 'holdfast.github.workflow',
  run: 'holdfast.github.run',
  attempt: 'holdfast.github.run-attempt',
  artifact: 'holdfast.github.artifact',
  artifactDigest: 'holdfast.github.artifact-digest',
} as const

/** image-spec 1.1, annotations.md. The same artifact gives the same: nothing is of this machine or of now. */
export function annotationsOf(provenance: Provenance | undefined, created: string | undefined): Record<string, string> | undefined {
  const standard = created === undefined ? {} : { 'org.opencontainers.image.created': created }
  if (provenance === undefined) return created === undefined ? undefined : standard
  const { repo, workflow, run, attempt, runUrl, commit, artifact, artifactDigest } = provenance
  const server = URL.parse(runUrl)?.origin
  return {
    ...standard,
    ...(server === undefined ? {} : { 'org.opencontainers.image.source': `${server}/${repo}` }),
    ...(commit === undefined ? {} : { 'org.opencontainers.image.revision': commit }),
    [keys.repo]: repo,
    [keys.workflow]: workflow,
    [keys.run]: String(run),
    [keys.attempt]: String(attempt),
    [keys.artifact]: String(artifact),
    ...(artifactDigest === undefined ? {} : { [keys.artifactDigest]: artifactDigest }),
  }
}

/** Whether an image with these annotations was made of the same artifact. */
export function isOfSameArtifact(annotations: Readonly<Record<string, string>> | undefined, provenance: Provenance): boolean {
  const ours = annotationsOf(provenance, undefined)!
  return annotations !== undefined && Object.values(keys).every((key) => annotations[key] === ours[key])
}

/** Sent before what refers to it: the empty config and the document. */
export interface Referrer {
  readonly manifest: StoredManifest
  readonly blobs: readonly { readonly descriptor: Descriptor; readonly bytes: Uint8Array }[]
}

/** image-spec 1.1, manifest.md, "Guidelines for Artifact Usage". */
export function makeReferrer(image: StoredManifest, provenance: Provenance, layers: readonly KnownLayer[]): Referrer {
  const origin: Origin = { ...provenance, layers: layers.map(({ diffId, digest, size }) => ({ diffId, digest, size })) }
  const document = blobOf(originType, canonicalJson({ format: 1, ...origin }))
  const config = blobOf('application/vnd.oci.empty.v1+json', '{}')
  const manifest = makeManifest({
    artifactType: originType,
    config: config.descriptor,
    layers: [document.descriptor],
    subject: describeManifest(image),
    annotations: annotationsOf(provenance, undefined),
  })
  return { manifest, blobs: [config, document] }
}

function blobOf(mediaType: string, text: string): Referrer['blobs'][number] {
  const bytes = new TextEncoder().encode(text)
  return { descriptor: { mediaType, digest: digestOf(bytes), size: bytes.byteLength }, bytes }
}

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const digest = v.custom<Digest>(isDigest, 'not a digest of SHA-256')
const originShape = v.object({
  format: v.literal(1),
  repo: v.string(),
  workflow: v.string(),
  run: count,
  attempt: count,
  runUrl: v.string(),
  commit: v.optional(v.string()),
  artifact: count,
  artifactDigest: v.optional(digest),
  metadata: v.object({ tag: v.string(), fields: v.record(v.string(), v.string()) }),
  entry: v.string(),
  layers: v.array(v.object({ diffId: digest, digest, size: count })),
})
const maxOriginBytes = 4 << 20

/** Whoever may push can say where an image comes from: so many are looked at. */
const maxLooks = 20

/**
 * The run that an image comes from, wherever it lies with what refers to it: what the image's own annotations agree with. Undefined for one
 * that does not come from a run. What others say of it that is damaged, or of another run, says nothing.
 */
export async function originOf(source: ImageSource, image: StoredManifest, o?: Signal): Promise<Origin | undefined> {
  const { annotations } = parseManifest(image)
  let looks = 0
  if (annotations?.[keys.run] === undefined) return undefined
  for await (const listed of source.referrers(image.digest, o)) {
    if (listed.artifactType !== originType) continue
    if (++looks > maxLooks) return undefined
    const origin = await readOrigin(source, image.digest, listed.digest, o)
    if (origin !== undefined && isOfSameArtifact(annotations, origin)) return origin
  }
  return undefined
}

async function readOrigin(source: ImageSource, image: Digest, referrer: Digest, o: Signal | undefined): Promise<Origin | undefined> {
  try {
    const content = parseManifest(await source.manifest(referrer, o))
    const document = content.kind === 'manifest' ? content.layers.find(({ mediaType }) => mediaType === originType) : undefined
    if (document === undefined || content.subject?.digest !== image || document.size > maxOriginBytes) return undefined
    const { format: _, ...origin } = parseJson(originShape, await collect(await source.blob(document, o), maxOriginBytes), referrer)
    return origin
  } catch (error) {
    if (isFault(error, 'corrupt') || isFault(error, 'not-found')) return undefined
    throw error
  }
}
