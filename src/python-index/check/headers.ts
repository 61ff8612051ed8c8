import { type Digest, hexOf } from '../../kit/index.ts'
import type { CheckAnswer } from './client.ts'
import type { CheckDesk } from './desk.ts'

type Headers = CheckAnswer['headers']

/** Seconds in which nobody minds an old page. */
const longestPageAge = 3_600
/** Seconds that a file should at least be kept: it never changes. */
const shortestFileAge = 86_400

export function typeOf(headers: Headers): string {
  return (headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase()
}

/** Pages have to be asked for again; whoever keeps one too long does not see a publication. */
export function checkPageHeaders(desk: CheckDesk, url: string, headers: Headers): void {
  if (!desk.client.tellsHeaders) return
  const { age, isImmutable } = keeping(headers)
  if (headers['cache-control'] === undefined)
    desk.tell(url, 'it has no Cache-Control: caches decide themselves how long they keep it', 'warning')
  else if (isImmutable || age > longestPageAge)
    desk.tell(url, `caches may keep this page for ${isImmutable ? 'ever' : `${age} seconds`}: ${headers['cache-control']}`, 'warning')
  if (headers['etag'] === undefined && headers['last-modified'] === undefined)
    desk.tell(url, 'it has neither ETag nor Last-Modified: it is sent whole each time', 'warning')
}

/** Files never change under their names. */
export function checkFileHeaders(desk: CheckDesk, url: string, headers: Headers): void {
  if (!desk.client.tellsHeaders) return
  const { age, isImmutable } = keeping(headers)
  if (!isImmutable && age < shortestFileAge)
    desk.tell(
      url,
      `caches ask for this file again though it never changes: Cache-Control: ${headers['cache-control'] ?? '(none)'}`,
      'warning',
    )
  if (/^(?:text\/html|application\/(?:xhtml\+xml|json))$/.test(typeOf(headers))) desk.tell(url, `a file comes as ${typeOf(headers)}`)
  const encoding = headers['content-encoding'] ?? 'identity'
  if (encoding !== 'identity' && encoding !== '')
    desk.tell(url, `it comes encoded (${encoding}): its bytes are not those that the page names`)
}

/** The digest of the whole file, where the server tells one. */
export function toldDigest(headers: Headers): Digest | undefined {
  const base64 =
    /(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]+):/.exec(headers['repr-digest'] ?? '')?.[1] ??
    /(?:^|,)\s*sha-256=([A-Za-z0-9+/=]+)/i.exec(headers['digest'] ?? '')?.[1] ??
    // S3's checksum of parts ends with `-` and their number, and is none of the file.
    /^([A-Za-z0-9+/=]+)$/.exec(headers['x-amz-checksum-sha256'] ?? '')?.[1]
  if (base64 === undefined) return undefined
  const bytes = Buffer.from(base64, 'base64')
  return bytes.byteLength === 32 ? `sha256:${bytes.toString('hex')}` : undefined
}

export function describeDigest(digest: Digest): string {
  return `sha256 ${hexOf(digest)}`
}

function keeping(headers: Headers): { age: number; isImmutable: boolean } {
  const directives = (headers['cache-control'] ?? '')
    .toLowerCase()
    .split(',')
    .map((part) => part.trim())
  if (directives.some((each) => each === 'no-cache' || each === 'no-store')) return { age: 0, isImmutable: false }
  // A shared cache, such as a CDN, follows s-maxage.
  const ages = directives.flatMap((each) => /^(?:s-maxage|max-age)="?(\d+)"?$/.exec(each)?.[1] ?? [])
  return { age: Math.max(0, ...ages.map(Number)), isImmutable: directives.includes('immutable') }
}
