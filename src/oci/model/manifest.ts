import * as v from 'valibot'
import { digestOf, Fault, parseJson, type Shape } from '../../kit/index.ts'
import type { Descriptor, StoredManifest } from '../registry/registry.ts'
import { annotationsShape, descriptorShape, type ImageDescriptor } from './descriptor.ts'
import { isIndexType, isManifestType, mediaTypes } from './media-types.ts'

/** What registries take at most: distribution-spec 1.1, "Pushing Manifests". */
export const maxManifestBytes = 4 << 20

/** One image: its config and its layers, from the lowest up. */
export interface ImageManifest {
  readonly kind: 'manifest'
  readonly artifactType?: string | undefined
  readonly config: ImageDescriptor
  readonly layers: readonly ImageDescriptor[]
  readonly subject?: ImageDescriptor | undefined
  readonly annotations?: Readonly<Record<string, string>> | undefined
}

/** Images of several platforms, or whatever else belongs together. */
export interface ImageIndex {
  readonly kind: 'index'
  readonly artifactType?: string | undefined
  readonly manifests: readonly ImageDescriptor[]
  readonly subject?: ImageDescriptor | undefined
  readonly annotations?: Readonly<Record<string, string>> | undefined
}

const shared = {
  schemaVersion: v.literal(2),
  mediaType: v.optional(v.string()),
  artifactType: v.optional(v.string()),
  subject: v.optional(descriptorShape),
  annotations: v.optional(v.nullable(annotationsShape)),
}
/** A document with the lists of both could be read as an image by one program and as an index by another: GHSA-77vh-xpmg-72qh. */
const absent = v.optional(v.never('a manifest has layers and an index has manifests, and none has both'))
const manifestShape = v.object({ ...shared, config: descriptorShape, layers: v.array(descriptorShape), manifests: absent })
const indexShape = v.object({ ...shared, manifests: v.array(descriptorShape), config: absent, layers: absent })
const kindShape: Shape<{ schemaVersion: number; mediaType?: string | undefined; manifests?: unknown }> = v.object({
  schemaVersion: v.number(),
  mediaType: v.optional(v.string()),
  manifests: v.optional(v.unknown()),
})

/**
 * Bytes as they are kept anywhere, under their digest and with the type that they state, or else have by their content. They are never
 * encoded anew. Throws `corrupt` for what is no manifest or disagrees with `expectedType`, and `unsupported` for Docker's first schema.
 */
export function storedManifest(bytes: Uint8Array, at: string, expectedType?: string): StoredManifest {
  if (bytes.byteLength > maxManifestBytes) {
    throw new Fault('corrupt', `a manifest of ${bytes.byteLength} bytes is larger than its limit of ${maxManifestBytes}`, { at })
  }
  const said = parseJson(kindShape, bytes, at)
  if (said.schemaVersion === 1) {
    throw new Fault('unsupported', 'an image of the first schema of Docker', { at, hint: 'push it again with a newer client' })
  }
  const mediaType = said.mediaType ?? expectedType ?? (said.manifests === undefined ? mediaTypes.ociManifest : mediaTypes.ociIndex)
  if (expectedType !== undefined && mediaType !== expectedType) {
    throw new Fault('corrupt', `it is said to be ${expectedType}, and calls itself ${mediaType}`, { at })
  }
  if (!isManifestType(mediaType) && !isIndexType(mediaType)) {
    throw new Fault('unsupported', `neither a manifest nor an index of OCI or of Docker: ${mediaType}`, { at })
  }
  return { bytes, digest: digestOf(bytes), mediaType }
}

/** What it says, by its type. Throws `corrupt` with the path of what is wrong. */
export function parseManifest({ bytes, mediaType, digest }: StoredManifest, at: string = digest): ImageManifest | ImageIndex {
  if (isIndexType(mediaType)) {
    const { manifests, artifactType, subject, annotations } = parseJson(indexShape, bytes, at)
    return { kind: 'index', manifests, artifactType, subject, annotations: annotations ?? undefined }
  }
  if (!isManifestType(mediaType)) throw new Fault('unsupported', `neither a manifest nor an index: ${mediaType}`, { at })
  const { config, layers, artifactType, subject, annotations } = parseJson(manifestShape, bytes, at)
  return { kind: 'manifest', config, layers, artifactType, subject, annotations: annotations ?? undefined }
}

/** A new manifest of OCI. The same content has the same bytes. */
export function makeManifest(content: Omit<ImageManifest, 'kind'>): StoredManifest {
  const { artifactType, config, layers, subject, annotations } = content
  return made(mediaTypes.ociManifest, {
    artifactType,
    config: plain(config),
    layers: layers.map(plain),
    subject: subject === undefined ? undefined : plain(subject),
    annotations: sorted(annotations),
  })
}

/** A new index of OCI. The same content has the same bytes. */
export function makeIndex(content: Omit<ImageIndex, 'kind'>): StoredManifest {
  const { artifactType, manifests, subject, annotations } = content
  return made(mediaTypes.ociIndex, {
    artifactType,
    manifests: manifests.map(plain),
    subject: subject === undefined ? undefined : plain(subject),
    annotations: sorted(annotations),
  })
}

/** What points at a manifest. */
export function describeManifest({ bytes, digest, mediaType }: StoredManifest): Descriptor {
  return { mediaType, digest, size: bytes.byteLength }
}

function made(mediaType: string, content: object): StoredManifest {
  const bytes = new TextEncoder().encode(JSON.stringify({ schemaVersion: 2, mediaType, ...content }))
  if (bytes.byteLength > maxManifestBytes) {
    throw new Fault('invalid', `a manifest of ${bytes.byteLength} bytes is larger than the ${maxManifestBytes} that registries take`)
  }
  return { bytes, digest: digestOf(bytes), mediaType }
}

/** With its members in one order. */
function plain({ mediaType, artifactType, digest, size, annotations, platform }: ImageDescriptor): ImageDescriptor {
  return { mediaType, artifactType, digest, size, annotations: sorted(annotations), platform }
}

function sorted(annotations: Readonly<Record<string, string>> | undefined): Record<string, string> | undefined {
  return annotations === undefined
    ? undefined
    : Object.fromEntries(Object.entries(annotations).toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
}
