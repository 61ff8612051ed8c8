import {
  type Answer,
  collect,
  type Digest,
  digestOf,
  Fault,
  type HeaderView,
  hexOf,
  isFault,
  type Version,
  whatIsWanted,
} from '../../kit/index.ts'
import type { ObjectBody } from '../../store/index.ts'
import type { IndexContext } from '../context.ts'
import { readWheelMetadata } from '../dist/read-wheel.ts'
import { parseFileName } from '../names/file-name.ts'
import { keyIn } from '../publish/layout.ts'
import type { PublishedFile } from '../records/project.ts'
import { respond, respondText } from './answers.ts'

/** How a file is asked for. */
export interface FileRequest {
  readonly method: string
  readonly headers: HeaderView
  readonly signal: AbortSignal
}

type Serving = Pick<IndexContext, 'bucket' | 'environment'>

/** What is known of a file before the bucket is asked. */
export type ServedFile = Pick<PublishedFile, 'name' | 'size' | 'etag' | 'digest' | 'uploaded'>

/** A distribution: streamed from the bucket, and only in the version that was published. */
export async function answerFile(context: Serving, request: FileRequest, prefix: string, file: ServedFile): Promise<Answer> {
  const version = { etag: etagOf(file), modified: Date.parse(file.uploaded) }
  const facts = headersOf(context, version, 'application/octet-stream', file.digest)
  const wanted = whatIsWanted(request.headers, version, file.size)
  const key = keyIn(prefix, file.name)
  switch (wanted.kind) {
    case 'not-modified':
      return respond(304, facts, null)
    case 'unsatisfiable':
      return respondText(416, `it has ${file.size} bytes`, { 'content-range': `bytes */${file.size}`, 'accept-ranges': 'bytes' })
    case 'range': {
      const { start, end } = wanted
      const { signal } = request
      const headers = { ...facts, 'content-length': String(end - start), 'content-range': `bytes ${start}-${end - 1}/${file.size}` }
      if (request.method === 'HEAD') return await answerHead(context, key, file, headers, 206, signal)
      return respond(206, headers, await bodyOf(context, key, file, { range: { start, end }, signal }))
    }
    case 'whole': {
      const { signal } = request
      const headers = { ...facts, 'content-length': String(file.size) }
      if (request.method === 'HEAD') return await answerHead(context, key, file, headers, 200, signal)
      return respond(200, headers, await bodyOf(context, key, file, { signal }))
    }
  }
}

async function bodyOf(
  { bucket }: Serving,
  key: string,
  { etag }: ServedFile,
  options: { readonly range?: { readonly start: number; readonly end: number }; readonly signal: AbortSignal },
): Promise<ObjectBody> {
  try {
    return await bucket.get(key, { ...options, etag, oneBuffer: true })
  } catch (error) {
    throw isFault(error, 'precondition') ? replaced(key) : error
  }
}

async function answerHead(
  { bucket }: Serving,
  key: string,
  { etag }: ServedFile,
  headers: Record<string, string>,
  status: number,
  signal: AbortSignal,
): Promise<Answer> {
  const info = await bucket.head(key, { signal })
  if (info === undefined) throw new Fault('not-found', `${key} is published and no longer in the bucket`, { at: `${bucket.name}/${key}` })
  if (info.etag !== etag) throw replaced(key)
  return respond(status, headers, null)
}

function replaced(key: string): Fault {
  return new Fault('precondition', `${key} was replaced in the bucket since it was published`, { hint: 'publish its prefix again' })
}

/** Bytes of a METADATA or provenance file; both are small. */
const companionLimit = 16 << 20

/** The METADATA of a wheel (PEP 658): from beside it, else from inside it. Checked against its digest before anything is sent. */
export async function answerMetadata(context: Serving, request: FileRequest, prefix: string, file: PublishedFile): Promise<Answer> {
  const { metadata: digest } = file
  if (digest === undefined) return respondText(404, 'it has no METADATA that is known')
  return await answerMetadataBytes(context, request, digest, async () => {
    const beside = await readCompanion(context, keyIn(prefix, `${file.name}.metadata`), digest, request.signal)
    return beside ?? (await metadataInside(context, prefix, file, request.signal))
  })
}

/** The same, from bytes that `read` has proven. */
export async function answerMetadataBytes(
  context: Serving,
  request: FileRequest,
  digest: Digest,
  read: () => Promise<Uint8Array>,
): Promise<Answer> {
  return await answerCompanion(context, request, 'text/plain; charset=utf-8', digest, read)
}

/** What a publisher's provenance says (PEP 740). Checked against its digest before anything is sent. */
export async function answerProvenance(context: Serving, request: FileRequest, prefix: string, file: PublishedFile): Promise<Answer> {
  const { provenance: digest } = file
  if (digest === undefined) return respondText(404, 'it has no provenance')
  return await answerCompanion(context, request, 'application/vnd.pypi.integrity.v1+json', digest, async () => {
    const key = keyIn(prefix, `${file.name}.provenance`)
    const bytes = await readCompanion(context, key, digest, request.signal)
    if (bytes === undefined) throw new Fault('not-found', `${key} is published and not in the bucket, or another one`)
    return bytes
  })
}

async function answerCompanion(
  context: Serving,
  { method, headers }: FileRequest,
  contentType: string,
  digest: Digest,
  read: () => Promise<Uint8Array>,
): Promise<Answer> {
  const version = { etag: `"${hexOf(digest)}"` }
  const facts = headersOf(context, version, contentType, digest)
  if (whatIsWanted(headers, version, 0).kind === 'not-modified') return respond(304, facts, null)
  const bytes = await read()
  const wanted = whatIsWanted(headers, version, bytes.byteLength)
  if (wanted.kind === 'unsatisfiable') {
    return respondText(416, `it has ${bytes.byteLength} bytes`, {
      'content-range': `bytes */${bytes.byteLength}`,
      'accept-ranges': 'bytes',
    })
  }
  const { start, end } = wanted.kind === 'range' ? wanted : { start: 0, end: bytes.byteLength }
  const range = wanted.kind === 'range' ? { 'content-range': `bytes ${start}-${end - 1}/${bytes.byteLength}` } : {}
  const body = method === 'HEAD' ? null : bytes.subarray(start, end)
  return respond(wanted.kind === 'range' ? 206 : 200, { ...facts, ...range, 'content-length': String(end - start) }, body)
}

/** Undefined where it is not there, or is another one: the view of the bucket may be behind what is published. */
async function readCompanion({ bucket }: Serving, key: string, digest: Digest, signal: AbortSignal): Promise<Uint8Array | undefined> {
  try {
    const bytes = await collect(await bucket.get(key, { signal }), companionLimit, key)
    return digestOf(bytes) === digest ? bytes : undefined
  } catch (error) {
    if (isFault(error, 'not-found')) return undefined
    throw error
  }
}

async function metadataInside({ bucket }: Serving, prefix: string, file: PublishedFile, signal: AbortSignal): Promise<Uint8Array> {
  const wheel = parseFileName(file.name)
  const key = keyIn(prefix, file.name)
  if (wheel.kind !== 'wheel') throw new Fault('not-found', `${key} is no wheel`)
  const { metadata } = await readWheelMetadata(bucket, { key, size: file.size, etag: file.etag }, wheel, { signal })
  if (digestOf(metadata) !== file.metadata) throw new Fault('corrupt', `the METADATA in ${key} is not the one that was published`)
  return metadata
}

function headersOf(
  { environment }: Serving,
  { etag, modified }: Version,
  contentType: string,
  digest: Digest | undefined,
): Record<string, string> {
  return {
    'content-type': contentType,
    'accept-ranges': 'bytes',
    etag,
    'cache-control': environment.fileCache,
    ...(modified === undefined ? {} : { 'last-modified': new Date(modified).toUTCString() }),
    // RFC 9530
    ...(digest === undefined ? {} : { 'repr-digest': `sha-256=:${Buffer.from(hexOf(digest), 'hex').toString('base64')}:` }),
  }
}

function etagOf({ digest, etag }: ServedFile): string {
  return digest === undefined ? `"${hexOf(digestOf(etag)).slice(0, 32)}"` : `"${hexOf(digest)}"`
}
