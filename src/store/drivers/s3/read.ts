import type { Readable } from 'node:stream'
import { abortFault, collect, Fault, isFault, throwIfAborted, untilAborted } from '../../../kit/index.ts'
import { checkRange } from '../../range.ts'
import type { GetOptions, ObjectBody, ObjectInfo, Signal } from '../../store.ts'
import type { S3Api } from './api.ts'
import { s3Fault } from './faults.ts'
import { infoOf, type Said } from './info.ts'

/** Objects of one server by bucket and key, for reading. */
export interface S3Reader {
  head(bucket: string, key: string, options?: Signal & { readonly etag?: string | undefined }): Promise<HeadResult | undefined>
  get(bucket: string, key: string, options?: GetOptions): Promise<ObjectBody>
}

export interface HeadResult {
  readonly info: ObjectInfo
  /** Headers that a copy has to name again when it names any. */
  readonly said: Said & {
    readonly ContentEncoding?: string | undefined
    readonly ContentDisposition?: string | undefined
    readonly ContentLanguage?: string | undefined
  }
}

/** The SDK checks what it reads when it is asked for checksums by its own name for it; here they are only asked for. */
const withChecksums = { 'x-amz-checksum-mode': 'ENABLED' }
/** Bodies up to this size are read before `get` returns: a retry of the get covers them, and no socket waits for a reader. */
const smallBody = 256 << 10

export function createReader(api: S3Api): S3Reader {
  const existing = new Map<string, Promise<void>>()
  return {
    async head(bucket, key, { etag, signal } = {}) {
      const call = { at: `s3://${bucket}/${key}`, doing: 'look at', signal, isHead: true, headers: withChecksums }
      try {
        const { output } = await api.send(call, (sdk) => new sdk.HeadObjectCommand({ Bucket: bucket, Key: key, IfMatch: etag }))
        existing.set(bucket, Promise.resolve())
        return { info: infoOf(key, output.ContentLength ?? 0, output), said: output }
      } catch (error) {
        if (!isFault(error, 'not-found')) throw error
        // A HEAD has no body to say which is missing, the key or the bucket: the first miss of a process asks about the bucket.
        let exists = existing.get(bucket)
        if (exists === undefined) existing.set(bucket, (exists = checkBucket(api, bucket)))
        await untilAborted(exists, signal).catch((trouble: unknown) => {
          existing.delete(bucket)
          throw trouble
        })
        return undefined
      }
    },
    get: (bucket, key, options = {}) => openBody(api, bucket, key, options),
  }
}

async function checkBucket(api: S3Api, bucket: string): Promise<void> {
  const at = `s3://${bucket}`
  try {
    await api.send({ at, doing: 'find the bucket', isHead: true }, (sdk) => new sdk.HeadBucketCommand({ Bucket: bucket }))
  } catch (error) {
    if (!isFault(error, 'not-found')) throw error
    throw new Fault('invalid', `there is no such bucket: ${at}`, { at, hint: 'create the bucket, or correct its name or the endpoint' })
  }
}

interface Opened {
  readonly info: ObjectInfo
  readonly length: number
  readonly stream: Readable
}

async function openBody(api: S3Api, bucket: string, key: string, options: GetOptions): Promise<ObjectBody> {
  const at = `s3://${bucket}/${key}`
  if (options.range !== undefined) checkRange(options.range, at)
  const first = await request(api, bucket, key, options)
  const { info, length } = first
  if (length <= smallBody) return bodyInMemory(info, await collect(readStream(first, at, options.signal), smallBody, at), options.signal)

  let unread: Opened | undefined = first
  return {
    info,
    length,
    rewindable: true,
    async *[Symbol.asyncIterator]() {
      const opened = unread ?? (await request(api, bucket, key, { ...options, etag: info.etag }).catch(notAsItWas))
      unread = undefined
      if (opened.length !== length) throw new Fault('precondition', `${at} changed while it was read`, { at })
      yield* readStream(opened, at, options.signal)
    },
  }

  function notAsItWas(error: unknown): never {
    if (!isFault(error, 'not-found')) throw error
    throw new Fault('precondition', `${at} was deleted while it was read`, { at, cause: error })
  }
}

async function request(api: S3Api, bucket: string, key: string, { range, etag, signal }: GetOptions): Promise<Opened> {
  const at = `s3://${bucket}/${key}`
  const Range = range === undefined ? undefined : `bytes=${range.start}-${range.end === undefined ? '' : range.end - 1}`
  const { output } = await api.send(
    { at, doing: 'read', signal, headers: withChecksums },
    (sdk) => new sdk.GetObjectCommand({ Bucket: bucket, Key: key, Range, IfMatch: etag }),
  )
  const stream = output.Body as Readable
  // A body that nobody reads may fail too, when its connection is given up; whoever reads it then still gets the error.
  stream.on('error', () => undefined)
  const size = range === undefined ? output.ContentLength : wholeSize(output.ContentRange, range.start)
  if (size === undefined || output.ContentLength === undefined || (etag !== undefined && output.ETag !== etag)) {
    stream.destroy()
    if (size !== undefined && output.ETag !== etag) throw new Fault('precondition', `${at} is not the version that was expected`, { at })
    throw new Fault('unsupported', `${at}: the server does not say which bytes it gives`, {
      at,
      hint: 'this server, or a proxy before it, does not serve ranges',
    })
  }
  return { info: infoOf(key, size, output), length: output.ContentLength, stream }
}

/** `bytes 5-9/100` -> 100, if it begins where it was asked to. */
function wholeSize(contentRange: string | undefined, start: number): number | undefined {
  const match = /^bytes (\d+)-\d+\/(\d+)$/.exec(contentRange ?? '')
  return match !== null && Number(match[1]) === start ? Number(match[2]) : undefined
}

/** The stream's bytes, exactly as many as were announced: an end before that is `unavailable`, never an end. */
async function* readStream({ stream, length }: Opened, at: string, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  let given = 0
  // One listener for all of it: to race each piece against the signal costs more than to read the piece.
  const stop = () => void stream.destroy(abortFault(signal!))
  if (signal?.aborted === true) stop()
  else signal?.addEventListener('abort', stop, { once: true })
  try {
    for await (const piece of stream as AsyncIterable<Uint8Array>) {
      given += piece.byteLength
      if (given > length) break
      yield piece
    }
  } catch (error) {
    throw s3Fault(error, { at, doing: 'read all of', signal })
  } finally {
    signal?.removeEventListener('abort', stop)
    stream.destroy()
  }
  if (given !== length)
    throw new Fault('unavailable', `${at} gave ${given > length ? 'more than' : `${given} of`} its ${length} bytes`, { at })
}

function bodyInMemory(info: ObjectInfo, content: Uint8Array, signal: AbortSignal | undefined): ObjectBody {
  return {
    info,
    length: content.byteLength,
    rewindable: true,
    async *[Symbol.asyncIterator]() {
      throwIfAborted(signal)
      // A piece belongs to its reader, who may write into it.
      if (content.byteLength > 0) yield new Uint8Array(content)
    },
  }
}
