import { hash } from 'node:crypto'
import { collect, type Digest, digestOf, isFault } from '../../kit/index.ts'
import { bytesOf } from '../../kit/index.ts'
import type { ObjectBody } from '../../store/index.ts'
import type { IndexContext } from '../context.ts'
import { readWheelMetadata } from '../dist/read-wheel.ts'
import type { PublishedFile, SeenFile } from '../records/project.ts'
import { distributionOf, keyIn, metadataEnd } from './layout.ts'
import type { Group } from './scan.ts'

type Place = Pick<IndexContext, 'bucket' | 'environment' | 'report'>

/** Anything larger is no METADATA that was put here. */
const maxBytes = 16 << 20

/** Whether an object has these bytes and headers. It may be gone or replaced since it was listed: then it has not. */
export async function isAsWanted(
  { bucket }: Place,
  key: string,
  seen: SeenFile,
  wanted: { readonly size?: number; readonly digest: Digest; readonly contentType: string; readonly cacheControl: string },
  signal: AbortSignal | undefined,
): Promise<boolean> {
  if (seen.size > maxBytes || (wanted.size !== undefined && wanted.size !== seen.size)) return false
  try {
    const body: ObjectBody = await bucket.get(key, { etag: seen.etag, signal })
    const { contentType, cacheControl } = body.info
    const bytes = await collect(body, maxBytes, `${bucket.name}/${key}`)
    if (bucket.can.metadata && (contentType !== wanted.contentType || cacheControl !== wanted.cacheControl)) return false
    return digestOf(bytes) === wanted.digest
  } catch (error) {
    if (isFault(error, 'not-found') || isFault(error, 'precondition')) return false
    throw error
  }
}

/** Puts one object of the view, and tells how a listing shows it. */
export async function putViewObject(
  { bucket, environment }: Place,
  prefix: string,
  name: string,
  bytes: Uint8Array,
  headers: { readonly contentType: string; readonly cacheControl: string },
  signal: AbortSignal | undefined,
): Promise<SeenFile> {
  const info = await bucket.put(keyIn(prefix, name), bytesOf(bytes), {
    ...headers,
    digest: digestOf(bytes),
    public: environment.isPublic,
    signal,
  })
  return { name, size: info.size, etag: info.etag }
}

export interface Companion {
  readonly prefix: string
  readonly group: Group
  readonly dryRun: boolean
  /** Of a key that was written, or would be; `isNew` where there was none. */
  readonly onWritten: (key: string, isNew: boolean) => void
}

/**
 * Sees to it that a wheel's METADATA stands beside it: one that is as it should be stays, another one is replaced. `metadata` is read from
 * the wheel where it is not given; where the wheel has changed meanwhile nothing is done.
 */
export async function ensureCompanion(
  context: Place,
  { prefix, group, dryRun, onWritten }: Companion,
  file: PublishedFile,
  metadata: Uint8Array | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  const name = `${file.name}${metadataEnd}`
  const headers = { contentType: 'text/plain; charset=utf-8', cacheControl: context.environment.fileCache }
  const row = group.companions.get(file.name)
  const digest = file.metadata!
  const isThere =
    row !== undefined &&
    ((metadata !== undefined && isEtagOf(row.etag, metadata)) ||
      (await isAsWanted(context, keyIn(prefix, name), row, { digest, ...headers }, signal)))
  if (!isThere) {
    const bytes = metadata ?? (await readMetadata(context, prefix, file, signal))
    if (bytes === undefined) return
    const put = dryRun ? { name, size: bytes.byteLength, etag: '' } : await putViewObject(context, prefix, name, bytes, headers, signal)
    group.companions.set(file.name, put)
    onWritten(keyIn(prefix, name), row === undefined)
  }
  group.checked.add(file.name)
}

/**
 * Most S3 servers give an object that came in one piece the MD5 of its bytes for an etag: then the listing proves the bytes of what somebody
 * else put there, and its headers stay his. Any other etag is merely not equal.
 */
function isEtagOf(etag: string, bytes: Uint8Array): boolean {
  return etag === `"${hash('md5', bytes)}"`
}

async function readMetadata(
  { bucket, report }: Place,
  prefix: string,
  file: PublishedFile,
  signal: AbortSignal | undefined,
): Promise<Uint8Array | undefined> {
  const name = distributionOf(file.name)
  if (name?.kind !== 'wheel') return undefined
  const key = keyIn(prefix, file.name)
  try {
    const { metadata } = await readWheelMetadata(bucket, { key, size: file.size, etag: file.etag }, name, { signal })
    if (digestOf(metadata) === file.metadata) return metadata
  } catch (error) {
    if (!['invalid', 'not-found', 'precondition'].some((code) => isFault(error, code as 'invalid'))) throw error
  }
  report({ kind: 'note', level: 'warning', text: `${key} is not the file that was published; the next publication looks at it` })
  return undefined
}
