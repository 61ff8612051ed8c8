import { type Digest, hexOf, isDigest } from '../../../kit/index.ts'
import type { ObjectInfo } from '../../store.ts'

/** What the answers to a HEAD, a GET, a PUT and a copy say about an object, as far as each says it. */
export interface Said {
  readonly ETag?: string | undefined
  readonly LastModified?: Date | undefined
  readonly ChecksumSHA256?: string | undefined
  readonly ChecksumType?: string | undefined
  readonly ContentType?: string | undefined
  readonly CacheControl?: string | undefined
  readonly Metadata?: Record<string, string> | undefined
}

export function infoOf(key: string, size: number, said: Said, date = 0): ObjectInfo {
  return {
    key,
    size,
    etag: said.ETag ?? '',
    modified: said.LastModified?.getTime() ?? date,
    digest: checkedDigest(said) ?? claimedDigest(said, size),
    contentType: said.ContentType,
    cacheControl: said.CacheControl,
  }
}

/** The base64 form that S3's headers have. */
export function checksumOf(digest: Digest): string {
  return Buffer.from(hexOf(digest), 'hex').toString('base64')
}

/**
 * The SHA-256 that the server checked, of the whole object: one "of parts" (`…-3`) is another number. An object that came in
 * parts has an etag that ends like that too, and may answer a range that is one of its parts with the checksum of that part.
 */
function checkedDigest({ ChecksumSHA256: checksum, ChecksumType: type, ETag: etag }: Said): Digest | undefined {
  if (checksum === undefined || type === 'COMPOSITE' || checksum.includes('-')) return undefined
  if (type !== 'FULL_OBJECT' && /-\d+"?$/.test(etag ?? '')) return undefined
  const digest = `sha256:${Buffer.from(checksum, 'base64').toString('hex')}`
  return isDigest(digest) ? digest : undefined
}

const claimKey = 'holdfast-sha256'
/** What PyTorch's tools for Python indexes write down, in hex, without a size: the owner of the bucket says so, and is believed in the same way. */
const indexClaimKey = 'checksum-sha256'

/**
 * S3 keeps no SHA-256 of an object that came in parts, and some servers lose it when they copy. So a put whose digest is
 * known before writes it down itself, next to the size, and is finished only once the bytes were found to have it.
 *
 * To believe it is safe: nobody can change an object's bytes and keep its metadata but by writing both anew, which takes
 * the right to write any bytes under the key. A copy made by the server carries metadata and bytes together; a tool that
 * copies metadata onto changed bytes would have to keep the size too. It spares work, and proves nothing against an
 * enemy: readers check bytes against the digest that they expect from elsewhere.
 */
export function claimOf(digest: Digest | undefined, size: number | undefined): Record<string, string> | undefined {
  return digest === undefined || size === undefined ? undefined : { [claimKey]: `${hexOf(digest)} ${size}` }
}

function claimedDigest({ Metadata: metadata }: Said, size: number): Digest | undefined {
  const [hex, stated] = metadata?.[claimKey]?.split(' ') ?? []
  const digest = `sha256:${stated === String(size) ? hex : metadata?.[indexClaimKey]?.toLowerCase()}`
  return isDigest(digest) ? digest : undefined
}
