import * as v from 'valibot'
import { canonicalJson, type Digest, digestOf, hexOf, isDigest, isFault, parseJson } from '../../kit/index.ts'
import { maxManifestBytes } from '../model/manifest.ts'
import { mediaTypes } from '../model/media-types.ts'
import type { Manifests } from './manifests.ts'
import { pagesOf } from './pages.ts'
import { repositoryPath } from './paths.ts'
import type { Descriptor, Registry, StoredManifest } from './registry.ts'
import type { Session } from './session.ts'

const indexType = mediaTypes.ociIndex

const digestShape = v.custom<Digest>(isDigest, 'not a digest of SHA-256')
/** What is not known of it stays in it: the list is written again. */
const descriptorShape = v.looseObject({
  mediaType: v.string(),
  digest: digestShape,
  size: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  artifactType: v.optional(v.string()),
  annotations: v.optional(v.record(v.string(), v.string())),
})
const indexShape = v.looseObject({ manifests: v.optional(v.nullable(v.array(descriptorShape))) })
/** Of a manifest, what its subject's list of referrers says of it. */
const referrerShape = v.object({
  subject: v.optional(v.object({ digest: digestShape })),
  artifactType: v.optional(v.string()),
  config: v.optional(v.object({ mediaType: v.string() })),
  annotations: v.optional(v.record(v.string(), v.string())),
})

export function createReferrers(session: Session, manifests: Manifests): Pick<Registry, 'putManifest' | 'deleteManifest' | 'referrers'> {
  /** Registries have no way to change it only if nobody else has: of two at once, one may be left out, as the specification says. */
  const change = async (
    repository: string,
    subject: Digest,
    edit: (listed: readonly Descriptor[]) => readonly Descriptor[],
    signal: AbortSignal | undefined,
  ) => {
    const index = await readFallback(manifests, repository, subject, signal)
    const listed = index.manifests ?? []
    const edited = edit(listed)
    if (edited === listed) return
    const bytes = Buffer.from(canonicalJson({ ...index, manifests: edited }))
    await manifests.put(repository, fallbackTag(subject), { bytes, mediaType: indexType }, signal)
  }
  return {
    async putManifest(repository, reference, manifest, o) {
      const named = descriptorOf(manifest)
      const { digest, keepsReferrers } = await manifests.put(repository, reference, manifest, o?.signal)
      if (named === undefined || keepsReferrers) return digest
      const { subject, descriptor } = named
      const including = (listed: readonly Descriptor[]) =>
        listed.some((other) => other.digest === digest) ? listed : [...listed, descriptor]
      await change(repository, subject, including, o?.signal)
      return digest
    },
    async deleteManifest(repository, digest, o) {
      const stored = await manifests.manifest(repository, digest, o)
      const subject = descriptorOf(stored)?.subject
      await manifests.delete(repository, digest, o?.signal)
      if (subject === undefined || (await hasApi(session, repository, subject, o?.signal))) return
      const without = (listed: readonly Descriptor[]) =>
        listed.some((other) => other.digest === digest) ? listed.filter((other) => other.digest !== digest) : listed
      await change(repository, subject, without, o?.signal)
    },
    async *referrers(repository, digest, o) {
      const ask = askFor(repository, digest, o?.signal)
      for await (const page of pagesOf(session, { ...ask, accepts: noApi })) {
        if (noApi.includes(page.status)) {
          yield* (await readFallback(manifests, repository, digest, o?.signal)).manifests ?? []
          return
        }
        yield* parseJson(indexShape, page.bytes, page.url).manifests ?? []
      }
    },
  }
}

/** What registries without the API answer: 404 by the specification, and what those say that take it for a wrong request. */
const noApi = [400, 404, 405]

function askFor(repository: string, digest: Digest, signal: AbortSignal | undefined) {
  const path = `${repositoryPath(repository)}/referrers/${digest}`
  return { path, scopes: [{ repository, actions: 'pull' as const }], headers: { accept: indexType }, signal }
}

async function hasApi(session: Session, repository: string, digest: Digest, signal: AbortSignal | undefined): Promise<boolean> {
  const { status } = await session.read({ ...askFor(repository, digest, signal), accepts: noApi }, maxManifestBytes)
  return status < 300
}

type FallbackIndex = v.InferOutput<typeof indexShape>

async function readFallback(
  manifests: Manifests,
  repository: string,
  subject: Digest,
  signal: AbortSignal | undefined,
): Promise<FallbackIndex> {
  try {
    const stored = await manifests.manifest(repository, fallbackTag(subject), { signal })
    return parseJson(indexShape, stored.bytes, `${repository}:${fallbackTag(subject)}`)
  } catch (error) {
    if (isFault(error, 'not-found')) return { schemaVersion: 2, mediaType: indexType }
    throw error
  }
}

/** distribution-spec, "Referrers Tag Schema". */
function fallbackTag(subject: Digest): string {
  return `sha256-${hexOf(subject)}`
}

/** A manifest that has a subject, as that subject's list names it (distribution-spec, "Listing Referrers"). */
function descriptorOf({
  bytes,
  mediaType,
}: Pick<StoredManifest, 'bytes' | 'mediaType'>): { readonly subject: Digest; readonly descriptor: Descriptor } | undefined {
  const digest = digestOf(bytes)
  const { subject, artifactType, config, annotations } = parseJson(referrerShape, bytes, digest)
  if (subject === undefined) return undefined
  const type = artifactType ?? config?.mediaType
  const descriptor = { mediaType, digest, size: bytes.byteLength, ...(type === undefined ? {} : { artifactType: type }), annotations }
  return { subject: subject.digest, descriptor }
}
