import { checkKey, Fault, forEachBounded, throwIfAborted } from '../../../kit/index.ts'
import type { Near, NearCopyOptions, ObjectInfo } from '../../store.ts'
import type { S3Api } from './api.ts'
import { writtenHeaders } from './headers.ts'
import { claimOf, infoOf } from './info.ts'
import { abortUpload, type Target, uploadIdOf } from './multipart.ts'
import type { HeadResult, S3Reader } from './read.ts'
import { MiB, mostParts } from './settings.ts'

interface Source {
  readonly bucket: string
  readonly key: string
  readonly size: number
  /** Always pinned: a source that changes meanwhile is `precondition`, and what is told about the copy is true. */
  readonly etag: string
  readonly head: HeadResult['said'] | undefined
}

/** Parts of a copy cost the server, not this process: large ones mean few requests. */
const copyPart = 256 * MiB

export function createNear(api: S3Api, reader: S3Reader, bucket: string): Near {
  return {
    place: api.settings.place,
    address: (key) => `${bucket}/${key}`,
    async copyFrom(address, key, options = {}) {
      checkKey(key)
      throwIfAborted(options.signal)
      const target = { bucket, key, at: `s3://${bucket}/${key}` }
      const slash = address.indexOf('/')
      const source = await findSource(api, reader, { bucket: address.slice(0, slash), key: address.slice(slash + 1) }, target, options)
      return source.size <= api.settings.copyThreshold ? copyWhole(api, source, target, options) : copyParts(api, source, target, options)
    },
  }
}

/** One HEAD, spared where the caller knows size and version and no header has to be named again. */
async function findSource(
  api: S3Api,
  reader: S3Reader,
  { bucket, key }: { bucket: string; key: string },
  target: Target,
  options: NearCopyOptions,
): Promise<Source> {
  const { size, etag, signal } = options
  const isOntoItself = bucket === target.bucket && key === target.key
  const namesHeaders = options.contentType !== undefined || options.cacheControl !== undefined || isOntoItself
  const limit = api.settings.copyThreshold
  if (size !== undefined && size <= limit && etag !== undefined && !namesHeaders) return { bucket, key, size, etag, head: undefined }
  const found = await reader.head(bucket, key, { etag, signal })
  const at = `s3://${bucket}/${key}`
  if (found === undefined) throw new Fault('not-found', `there is no ${at} to copy`, { at })
  const { info, said } = found
  const head =
    namesHeaders || info.size > limit ? { ...said, Metadata: { ...said.Metadata, ...claimOf(info.digest, info.size) } } : undefined
  return { bucket, key, size: info.size, etag: info.etag, head }
}

async function copyWhole(api: S3Api, source: Source, { bucket, key, at }: Target, options: NearCopyOptions): Promise<ObjectInfo> {
  const headers = source.head === undefined ? undefined : renamedHeaders(source.head, options)
  const { output, date } = await api.send(
    { at, doing: `copy s3://${source.bucket}/${source.key} to`, signal: options.signal },
    (sdk) =>
      new sdk.CopyObjectCommand({
        Bucket: bucket,
        Key: key,
        ...sourceHeaders(source),
        ChecksumAlgorithm: 'SHA256',
        ...(headers === undefined ? writtenHeaders({ public: options.public }) : { MetadataDirective: 'REPLACE', ...headers }),
      }),
  )
  return toldOf(key, source, { ...headers, ...output.CopyObjectResult }, date)
}

/** UploadPartCopy for what is larger than one copy may be. */
async function copyParts(api: S3Api, source: Source, target: Target, options: NearCopyOptions): Promise<ObjectInfo> {
  const { bucket, key, at } = target
  const { signal } = options
  const doing = `copy s3://${source.bucket}/${source.key} to`
  const headers = renamedHeaders(source.head ?? {}, options)
  const begun = await api.send(
    { at, doing, signal },
    (sdk) => new sdk.CreateMultipartUploadCommand({ Bucket: bucket, Key: key, ...headers }),
  )
  const UploadId = uploadIdOf(begun.output.UploadId, at)
  try {
    const Parts: { PartNumber: number; ETag: string | undefined }[] = []
    await forEachBounded(
      ranges(source.size, Math.min(copyPart, api.settings.copyThreshold)),
      api.settings.concurrency,
      async ({ number, start, end }, partSignal) => {
        const { output } = await api.send(
          { at, doing, signal: partSignal },
          (sdk) =>
            new sdk.UploadPartCopyCommand({
              Bucket: bucket,
              Key: key,
              UploadId,
              PartNumber: number,
              ...sourceHeaders(source),
              CopySourceRange: `bytes=${start}-${end - 1}`,
            }),
        )
        Parts[number - 1] = { PartNumber: number, ETag: output.CopyPartResult?.ETag }
      },
      signal,
    )
    const { output, date } = await api.send(
      { at, doing, signal },
      (sdk) => new sdk.CompleteMultipartUploadCommand({ Bucket: bucket, Key: key, UploadId, MultipartUpload: { Parts } }),
    )
    return toldOf(key, source, { ...headers, ...output }, date)
  } catch (error) {
    await abortUpload(api, target, UploadId)
    throw error
  }
}

function* ranges(size: number, wanted: number): Generator<{ number: number; start: number; end: number }> {
  const step = Math.max(wanted, Math.ceil(size / mostParts / MiB) * MiB)
  for (let start = 0, number = 1; start < size; start += step, number++) yield { number, start, end: Math.min(start + step, size) }
}

function sourceHeaders({ bucket, key, etag }: Source): { CopySource: string; CopySourceIfMatch: string } {
  return { CopySource: `${bucket}/${key.split('/').map(encodeURIComponent).join('/')}`, CopySourceIfMatch: etag }
}

/** Whoever names one header names all: what is not named is lost. */
function renamedHeaders(said: HeadResult['said'], options: NearCopyOptions) {
  const { Metadata, ContentEncoding, ContentDisposition, ContentLanguage } = said
  const written = writtenHeaders({
    contentType: options.contentType ?? said.ContentType,
    cacheControl: options.cacheControl ?? said.CacheControl,
    public: options.public,
  })
  return { Metadata, ContentEncoding, ContentDisposition, ContentLanguage, ...written }
}

function toldOf(key: string, source: Source, said: Parameters<typeof infoOf>[2], date: number): ObjectInfo {
  return infoOf(key, source.size, { Metadata: source.head?.Metadata, ...said }, date)
}
