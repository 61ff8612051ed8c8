import { asFault, digestOf, Fault, forEachBounded, hexOf, isFault, throwIfAborted } from '../../../kit/index.ts'
import type { ObjectInfo, PutOptions } from '../../store.ts'
import type { S3Api } from './api.ts'
import { s3CodeOf } from './faults.ts'
import { conditionHeaders, writtenHeaders } from './headers.ts'
import { checksumOf, claimOf, infoOf } from './info.ts'
import { type Part, partSizeFor } from './parts.ts'
import type { S3Reader } from './read.ts'
import { type About, openMemo, type SentPart } from './resume.ts'

export interface Target {
  readonly bucket: string
  readonly key: string
  /** `s3://bucket/key`. */
  readonly at: string
}

export interface PartsOptions extends PutOptions {
  readonly length: number | undefined
}

/**
 * Uploads the parts and makes them one object once the last has come, which it does only after the whole was checked.
 * On a failure the upload is given up, unless a memo can take it up again later.
 */
export async function uploadParts(
  api: S3Api,
  reader: S3Reader,
  target: Target,
  parts: AsyncIterable<Part>,
  options: PartsOptions,
  stopReading: (error: unknown) => void,
): Promise<ObjectInfo> {
  await refuseEarly(reader, target, options)
  const upload = await openUpload(api, reader, target, options)
  if ('done' in upload) return upload.done
  try {
    await sendParts(api, target, parts, upload, options, stopReading)
    throwIfAborted(options.signal)
    const info = await complete(api, target, upload, options)
    await upload.memo?.forget()
    return info
  } catch (error) {
    const fault = asFault(error)
    const canGoOn = upload.memo !== undefined && (fault.retry === 'later' || fault.code === 'aborted') && s3CodeOf(fault) !== 'NoSuchUpload'
    if (!canGoOn) {
      await abortUpload(api, target, upload.id)
      await upload.memo?.forget()
    }
    throw fault
  }
}

interface Upload {
  readonly id: string
  /** What stands on the server, by part number. */
  readonly sent: Map<number, SentPart>
  readonly memo: { save(): Promise<void>; forget(): Promise<void> } | undefined
}

/** A lost condition costs one request here, and the whole upload at its end. */
async function refuseEarly(reader: S3Reader, { bucket, key, at }: Target, { if: condition, signal }: PutOptions): Promise<void> {
  if (condition === undefined) return
  const found = await reader.head(bucket, key, { signal })
  const holds = condition === 'absent' ? found === undefined : found?.info.etag === condition.etag
  if (!holds)
    throw new Fault('precondition', `${at} ${condition === 'absent' ? 'exists already' : 'is not the version that was expected'}`, { at })
}

async function openUpload(api: S3Api, reader: S3Reader, target: Target, options: PartsOptions): Promise<Upload | { done: ObjectInfo }> {
  const memo =
    options.resume === undefined || options.length === undefined
      ? undefined
      : openMemo(options.resume, aboutOf(api, target, options, options.length))
  const known = await memo?.load()
  if (known !== undefined) {
    const standing = known.fits ? await listParts(api, target, known.upload, options.signal) : undefined
    if (standing !== undefined) {
      const sent = new Map(known.parts.filter((part) => standing.get(part.number) === part.etag).map((part) => [part.number, part]))
      return { id: known.upload, sent, memo: memo?.start(known.upload, sent) }
    }
    const done = known.fits ? await findDone(reader, target, options) : undefined
    if (done !== undefined) {
      await options.resume?.clear()
      return { done }
    }
    if (!known.fits && known.bucket === target.bucket) {
      await abortUpload(api, { ...target, key: known.key, at: `s3://${known.bucket}/${known.key}` }, known.upload)
    }
  }
  const id = await createUpload(api, target, options)
  const sent = new Map<number, SentPart>()
  const saved = memo?.start(id, sent)
  await saved?.save()
  return { id, sent, memo: saved }
}

/** An upload that is gone may have been finished, just before its process was ended. */
async function findDone(reader: S3Reader, { bucket, key }: Target, { digest, signal }: PutOptions): Promise<ObjectInfo | undefined> {
  if (digest === undefined) return undefined
  const found = await reader.head(bucket, key, { signal })
  return found?.info.digest === digest ? found.info : undefined
}

function aboutOf(api: S3Api, { bucket, key }: Target, options: PutOptions, length: number): About {
  const { digest, contentType, cacheControl, public: isPublic } = options
  return { bucket, key, length, partSize: partSizeFor(length, api.settings.partSize), digest, contentType, cacheControl, public: isPublic }
}

async function createUpload(api: S3Api, { bucket, key, at }: Target, options: PartsOptions): Promise<string> {
  const { output } = await api.send(
    { at, doing: 'begin to write', signal: options.signal },
    (sdk) =>
      new sdk.CreateMultipartUploadCommand({
        Bucket: bucket,
        Key: key,
        ChecksumAlgorithm: 'SHA256',
        Metadata: claimOf(options.digest, options.length),
        ...writtenHeaders(options),
      }),
  )
  return uploadIdOf(output.UploadId, at)
}

export function uploadIdOf(id: string | undefined, at: string): string {
  if (id === undefined || id === '') throw new Fault('unavailable', `${at}: the server began an upload without naming it`, { at })
  return id
}

async function sendParts(
  api: S3Api,
  target: Target,
  parts: AsyncIterable<Part>,
  upload: Upload,
  options: PartsOptions,
  stopReading: (error: unknown) => void,
): Promise<void> {
  const send = async (part: Part, signal: AbortSignal) => {
    try {
      const digest = digestOf(part.bytes)
      if (upload.sent.get(part.number)?.digest === digest) return
      const { output } = await api.send(
        { at: target.at, doing: `write part ${part.number} of`, signal, headers: { 'x-amz-content-sha256': hexOf(digest) } },
        (sdk) =>
          new sdk.UploadPartCommand({
            Bucket: target.bucket,
            Key: target.key,
            UploadId: upload.id,
            PartNumber: part.number,
            Body: part.bytes,
            ContentLength: part.bytes.byteLength,
            ChecksumAlgorithm: 'SHA256',
            ChecksumSHA256: checksumOf(digest),
          }),
      )
      upload.sent.set(part.number, { number: part.number, size: part.bytes.byteLength, digest, etag: output.ETag ?? '' })
      await upload.memo?.save()
    } catch (error) {
      stopReading(error)
      throw error
    }
  }
  const seen = { count: 0 }
  await forEachBounded(countParts(parts, seen), api.settings.concurrency, send, options.signal)
  // A resumed upload may know of parts that this body does not have.
  for (const number of upload.sent.keys()) if (number > seen.count) upload.sent.delete(number)
}

async function* countParts(parts: AsyncIterable<Part>, seen: { count: number }): AsyncGenerator<Part> {
  for await (const part of parts) {
    seen.count = part.number
    yield part
  }
}

async function complete(api: S3Api, { bucket, key, at }: Target, { id, sent }: Upload, options: PartsOptions): Promise<ObjectInfo> {
  const parts = [...sent.values()].sort((a, b) => a.number - b.number)
  const { output, date } = await api.send(
    { at, doing: 'finish writing', signal: options.signal, conditional: options.if !== undefined },
    (sdk) =>
      new sdk.CompleteMultipartUploadCommand({
        Bucket: bucket,
        Key: key,
        UploadId: id,
        MultipartUpload: {
          Parts: parts.map((part) => ({ PartNumber: part.number, ETag: part.etag, ChecksumSHA256: checksumOf(part.digest) })),
        },
        ...conditionHeaders(options.if),
      }),
  )
  const size = parts.reduce((sum, part) => sum + part.size, 0)
  const { contentType, cacheControl } = options
  return { ...infoOf(key, size, { ...output, Metadata: claimOf(options.digest, options.length) }, date), contentType, cacheControl }
}

/** The parts that stand, by number, as etags; undefined where the server no longer knows the upload. */
async function listParts(
  api: S3Api,
  { bucket, key, at }: Target,
  id: string,
  signal: AbortSignal | undefined,
): Promise<Map<number, string> | undefined> {
  const standing = new Map<number, string>()
  let marker: string | undefined
  try {
    for (;;) {
      const { output } = await api.send(
        { at, doing: 'see what was written of', signal },
        (sdk) => new sdk.ListPartsCommand({ Bucket: bucket, Key: key, UploadId: id, PartNumberMarker: marker }),
      )
      for (const { PartNumber, ETag } of output.Parts ?? [])
        if (PartNumber !== undefined && ETag !== undefined) standing.set(PartNumber, ETag)
      const next = output.NextPartNumberMarker
      if (output.IsTruncated !== true || next === undefined || next === marker) return standing
      marker = next
    }
  } catch (error) {
    if (isFault(error, 'not-found')) return undefined
    throw error
  }
}

/** Gives an upload up. A failure to do so is not told: the fault that led here is what matters, and nothing is visible either way. */
export async function abortUpload(api: S3Api, { bucket, key, at }: Target, id: string): Promise<void> {
  await api
    .send({ at, doing: 'give up' }, (sdk) => new sdk.AbortMultipartUploadCommand({ Bucket: bucket, Key: key, UploadId: id }))
    .catch(() => undefined)
}
