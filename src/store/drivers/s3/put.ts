import { asFault, type Bytes, digestOf, hexOf, linkedAbort } from '../../../kit/index.ts'
import { takeIn } from '../../intake.ts'
import type { ObjectInfo, PutOptions } from '../../store.ts'
import type { S3Api } from './api.ts'
import { conditionHeaders, writtenHeaders } from './headers.ts'
import { checksumOf, claimOf, infoOf } from './info.ts'
import { type Target, uploadParts } from './multipart.ts'
import { cutParts, type Part, partSizes } from './parts.ts'
import type { S3Reader } from './read.ts'

/** Puts a body: in one request where it fits into one part, else in parts. Nothing is visible before the last byte was checked. */
export async function putObject(api: S3Api, reader: S3Reader, target: Target, body: Bytes, options: PutOptions): Promise<ObjectInfo> {
  // A part that fails ends the reading of the body too.
  using link = linkedAbort(options.signal)
  const { signal } = link.controller
  const source = takeIn(body, { digest: options.digest, signal }, target.at)
  const parts = cutParts(source, partSizes(body.length, api.settings.partSize))
  const first = await parts.next()
  if (first.done === true || first.value.last) return await putWhole(api, target, first.value?.bytes ?? new Uint8Array(), options)
  try {
    return await uploadParts(api, reader, target, startingWith(first.value, parts), { ...options, length: body.length }, (error) =>
      link.controller.abort(asFault(error)),
    )
  } finally {
    await parts.return(undefined)
  }
}

async function putWhole(api: S3Api, { bucket, key, at }: Target, bytes: Uint8Array, options: PutOptions): Promise<ObjectInfo> {
  const digest = digestOf(bytes)
  const { output, date } = await api.send(
    // The signature covers this header, so the SDK need not hash the body once more.
    {
      at,
      doing: 'write',
      signal: options.signal,
      conditional: options.if !== undefined,
      headers: { 'x-amz-content-sha256': hexOf(digest) },
    },
    (sdk) =>
      new sdk.PutObjectCommand({
        Bucket: bucket,
        Key: key,
        Body: bytes,
        ContentLength: bytes.byteLength,
        // Some servers check the one only where the other is sent too.
        ChecksumAlgorithm: 'SHA256',
        ChecksumSHA256: checksumOf(digest),
        Metadata: claimOf(digest, bytes.byteLength),
        ...writtenHeaders(options),
        ...conditionHeaders(options.if),
      }),
  )
  const { contentType, cacheControl } = options
  return { ...infoOf(key, bytes.byteLength, output, date), contentType, cacheControl }
}

async function* startingWith(first: Part, rest: AsyncIterable<Part>): AsyncGenerator<Part> {
  yield first
  yield* rest
}
