import type { HttpPage } from '../../kit/http/index.ts'
import { type Digest, digestOf, Fault, isDigest } from '../../kit/index.ts'
import { maxManifestBytes } from '../model/manifest.ts'
import { mediaTypes } from '../model/media-types.ts'
import { manifestPath } from './paths.ts'
import type { ManifestHead, Registry, StoredManifest } from './registry.ts'
import type { Session } from './session.ts'

const { ociIndex, ociManifest, dockerList, dockerManifest } = mediaTypes
const known: readonly string[] = [ociIndex, ociManifest, dockerList, dockerManifest]
const accept = known.join(', ')

export type Manifests = Pick<Registry, 'manifest' | 'headManifest' | 'deleteTag'> & {
  /** Only the manifest itself; the answer says whether the registry keeps its subject's referrers. */
  put(
    repository: string,
    reference: string,
    manifest: Pick<StoredManifest, 'bytes' | 'mediaType'>,
    signal?: AbortSignal,
  ): Promise<{ readonly digest: Digest; readonly keepsReferrers: boolean }>
  delete(repository: string, reference: string, signal?: AbortSignal): Promise<void>
}

export function createManifests(session: Session): Manifests {
  const { host } = session
  const manifest: Manifests['manifest'] = async (repository, reference, o) => {
    const path = manifestPath(repository, reference)
    const scopes = [{ repository, actions: 'pull' as const }]
    const page = await session.read({ path, scopes, headers: { accept }, signal: o?.signal }, maxManifestBytes)
    const digest = digestOf(page.bytes)
    checkDigest(isDigest(reference) ? reference : headerDigest(page), digest, page)
    return { bytes: page.bytes, digest, mediaType: mediaTypeOf(page) }
  }
  const remove: Manifests['delete'] = async (repository, reference, signal) => {
    const path = manifestPath(repository, reference)
    await deleting(session.read({ path, method: 'DELETE', scopes: [{ repository, actions: 'pull,delete' }], signal }, 1 << 20), reference)
  }
  return {
    manifest,
    delete: remove,
    deleteTag: (repository, tag, o) => remove(repository, tag, o?.signal),
    async headManifest(repository, reference, o) {
      const path = manifestPath(repository, reference)
      const scopes = [{ repository, actions: 'pull' as const }]
      const page = await session.read(
        // Compressed, it would have another size.
        { path, method: 'HEAD', scopes, headers: { accept, 'accept-encoding': 'identity' }, accepts: [404], signal: o?.signal },
        maxManifestBytes,
      )
      if (page.status === 404) return undefined
      return headOf(page, reference) ?? headOfStored(await manifest(repository, reference, o))
    },
    async put(repository, reference, { bytes, mediaType }, signal) {
      const digest = digestOf(bytes)
      const path = manifestPath(repository, reference)
      checkPut(bytes, reference, digest)
      const scopes = [{ repository, actions: 'pull,push' as const }]
      const headers = { 'content-type': mediaType }
      const page = await session.read({ path, method: 'PUT', scopes, headers, body: bytes, signal }, 1 << 20)
      const said = headerDigest(page)
      if (said !== undefined && said !== digest) {
        throw new Fault('corrupt', `${host} stored ${repository}:${reference} as ${said}, and it is ${digest}`, { at: page.url })
      }
      return { digest, keepsReferrers: page.headers['oci-subject'] !== undefined }
    },
  }
}

async function deleting(work: Promise<HttpPage>, reference: string): Promise<void> {
  try {
    await work
  } catch (error) {
    if (!(error instanceof Fault) || (error.code !== 'unsupported' && !(error.code === 'invalid' && !isDigest(reference)))) throw error
    throw new Fault('unsupported', error.message, {
      at: error.at,
      hint: isDigest(reference)
        ? 'the registry has deleting turned off: its administrator can allow it'
        : 'the registry deletes by digest only, and with it every tag of that digest',
      cause: error,
    })
  }
}

function checkPut(bytes: Uint8Array, reference: string, digest: Digest): void {
  if (bytes.byteLength > maxManifestBytes) {
    throw new Fault('invalid', `a manifest of ${bytes.byteLength} bytes is larger than the ${maxManifestBytes} that registries take`)
  }
  if (isDigest(reference) && reference !== digest) throw new Fault('invalid', `the manifest is ${digest}, and not ${reference}`)
}

function checkDigest(expected: Digest | undefined, digest: Digest, page: HttpPage): void {
  if (expected === undefined || expected === digest) return
  throw new Fault('corrupt', `expected ${expected}, got ${digest}`, {
    at: page.url,
    hint: 'the registry, or something before it, gave other bytes: nothing of it was used',
  })
}

/** Of another algorithm it says nothing to us. */
function headerDigest({ headers }: HttpPage): Digest | undefined {
  const text = headers['docker-content-digest']
  return isDigest(text) ? text : undefined
}

function headOf(page: HttpPage, reference: string): ManifestHead | undefined {
  const digest = headerDigest(page) ?? (isDigest(reference) ? reference : undefined)
  const size = Number(page.headers['content-length'] ?? 'none')
  const mediaType = typeOf(page)
  if (digest === undefined || !Number.isSafeInteger(size) || !known.includes(mediaType)) return undefined
  if (isDigest(reference) && digest !== reference) checkDigest(reference, digest, page)
  return { digest, mediaType, size }
}

function headOfStored({ digest, mediaType, bytes }: StoredManifest): ManifestHead {
  return { digest, mediaType, size: bytes.byteLength }
}

function typeOf({ headers }: HttpPage): string {
  return (headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase()
}

/**
 * What the header says, which has to be what the manifest says of itself, if it does: else the same digest could be taken for an image by one
 * reader and for an index by another (image-spec, "Verification of mediaType"; GHSA-mc8v-mgrf-8f4m).
 */
function mediaTypeOf(page: HttpPage): string {
  const said = typeOf(page)
  const own = ownMediaType(page)
  if (known.includes(said) && own !== undefined && own !== said) {
    throw new Fault('corrupt', `the registry calls it ${said}, and it calls itself ${own}`, { at: page.url })
  }
  const mediaType = known.includes(said) ? said : own
  if (mediaType !== undefined) return mediaType
  throw new Fault('unsupported', `neither a manifest nor an index of OCI or of Docker: ${said === '' ? 'without a type' : said}`, {
    at: page.url,
    hint: 'images of the first schema of Docker have to be pushed again by a newer client',
  })
}

function ownMediaType({ bytes, url }: HttpPage): string | undefined {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    throw new Fault('corrupt', 'a manifest that is not valid JSON', { at: url, cause: error })
  }
  const own = value !== null && typeof value === 'object' && 'mediaType' in value ? value.mediaType : undefined
  return typeof own === 'string' && own !== '' ? own : undefined
}
