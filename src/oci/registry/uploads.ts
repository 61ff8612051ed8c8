import type { HttpPage } from '../../kit/http/index.ts'
import { type Clock, type Digest, Fault, isDigest, isFault, type Report, retrying, silent } from '../../kit/index.ts'
import { repositoryPath } from './paths.ts'
import type { Upload } from './registry.ts'
import type { Ask, Session } from './session.ts'

export interface UploadOptions {
  readonly clock: Clock
  readonly random: () => number
  readonly report?: Report | undefined
}

/** Where an upload stands: all that is needed to go on with it. */
export interface Position {
  /** A path of the registry, which changes with each answer (distribution-spec, "Pushing a blob in chunks"). */
  readonly location: string
  readonly offset: number
  readonly chunkBytes: number
  /** What the registry wants a chunk to have. */
  readonly leastBytes: number
}

export interface OpenUpload extends Upload {
  readonly location: string
}

/** Large enough that a request more is no matter, small enough that what a break costs is none either. */
export const usualChunkBytes = 16 << 20
const largestChunkBytes = 256 << 20
const attempts = 5
const answerLimit = 1 << 20
/** Milliseconds. */
const longestRetryAfter = 300_000

/** POST: the registry gives a place to send to. */
export async function beginUpload(
  session: Session,
  repository: string,
  signal: AbortSignal | undefined,
  chunkBytes = usualChunkBytes,
): Promise<Position> {
  const answer = await session.read(
    {
      path: `${repositoryPath(repository)}/blobs/uploads/`,
      method: 'POST',
      scopes: pushing(repository),
      body: new Uint8Array(),
      // One that nobody uses is purged.
      repeatable: true,
      signal,
    },
    answerLimit,
  )
  const position = await positionOf(session, answer, 0)
  return { ...position, chunkBytes: Math.max(chunkBytes, position.leastBytes) }
}

export function continueUpload(session: Session, repository: string, from: Position, options: UploadOptions): OpenUpload {
  let { location, offset } = from
  const { chunkBytes } = from
  const lost = (why: string) =>
    new Fault('precondition', `${session.host} has lost an upload to ${repository}: ${why}`, { at: session.host })
  /** How far the registry has come, which after a break only it knows. */
  const refresh = async (signal: AbortSignal | undefined) => {
    const position = await askPosition(session, repository, location, signal)
    if (position === undefined) throw lost('it does not know of it any more')
    return position
  }
  return {
    get offset() {
      return offset
    },
    get location() {
      return location
    },
    chunkBytes,
    async write(chunk, o) {
      const [start, end] = [offset, offset + chunk.byteLength]
      let isUnsure = false
      while (offset < end) {
        const before = offset
        const position = await persistently(options, o?.signal, async () => {
          if (isUnsure) {
            const known = await refresh(o?.signal)
            if (known.offset < start || known.offset > end) throw lost(`it has ${known.offset} bytes, and is to have ${start} to ${end}`)
            ;({ location, offset } = known)
            if (offset === end) return known
          }
          isUnsure = true
          return await orLost(sendChunk(session, repository, { location, offset }, chunk.subarray(offset - start), o?.signal), lost)
        })
        isUnsure = false
        if (position.offset <= before || position.offset > end) throw lost(`it says to have ${position.offset} of ${end} bytes`)
        ;({ location, offset } = position)
      }
    },
    async finish(digest, o) {
      let isUnsure = false
      await persistently(options, o?.signal, async () => {
        if (isUnsure) {
          if (await hasBlob(session, repository, digest, offset, o?.signal)) return
          ;({ location } = await refresh(o?.signal))
        }
        isUnsure = true
        await orLost(putDigest(session, { path: location, scopes: pushing(repository), signal: o?.signal }, digest), lost)
      })
    },
    async cancel(o) {
      await cancelUpload(session, repository, location, o?.signal)
    },
  }
}

/** What is not found there is the upload. */
async function orLost<T>(work: Promise<T>, lost: (why: string) => Fault): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw isFault(error, 'not-found') ? lost('it does not know of it any more') : error
  }
}

async function sendChunk(
  session: Session,
  repository: string,
  { location, offset }: Pick<Position, 'location' | 'offset'>,
  chunk: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<Position> {
  const end = offset + chunk.byteLength
  // Of OCI: without a unit, and the last byte named.
  const headers = { 'content-type': 'application/octet-stream', 'content-range': `${offset}-${end - 1}` }
  const ask = { path: location, method: 'PATCH', scopes: pushing(repository), headers, body: chunk, accepts: [416], signal }
  const answer = await session.read(ask, answerLimit)
  if (answer.status === 416) throw new Fault('unavailable', `${session.host} has other bytes of an upload than it said`)
  return await positionOf(session, answer, end)
}

function pushing(repository: string): Ask['scopes'] {
  return [{ repository, actions: 'pull,push' }]
}

/** PUT with the digest: what has been sent, and `body` behind it, becomes a blob. */
export async function putDigest(session: Session, ask: Pick<Ask, 'path' | 'scopes' | 'body' | 'signal'>, digest: Digest): Promise<void> {
  const path = `${ask.path}${ask.path.includes('?') ? '&' : '?'}digest=${encodeURIComponent(digest)}`
  const headers = { 'content-type': 'application/octet-stream' }
  const body = ask.body ?? new Uint8Array()
  try {
    // Sent twice, its body could come behind what is there of the first.
    const answer = await session.read({ ...ask, path, method: 'PUT', headers, body, repeatable: false }, answerLimit)
    const said = answer.headers['docker-content-digest']
    if (isDigest(said) && said !== digest)
      throw new Fault('corrupt', `expected ${digest}, and the registry has ${said}`, { at: answer.url })
  } catch (error) {
    if (!isFault(error, 'invalid') || !/DIGEST_INVALID/.test(error.message)) throw error
    throw new Fault('corrupt', `the bytes that were sent are not ${digest}`, { at: error.at, cause: error })
  }
}

/** How far an upload is; undefined where the registry has lost it. */
export async function askPosition(
  session: Session,
  repository: string,
  location: string,
  signal: AbortSignal | undefined,
): Promise<Position | undefined> {
  const scopes = pushing(repository)
  // Some say 400 or 416 of one that they have, but cannot go on with.
  const answer = await session.read({ path: location, scopes, accepts: [400, 404, 416], signal }, answerLimit)
  if (answer.status >= 400) {
    return undefined
  }
  return await positionOf(session, answer, 0, location)
}

export async function cancelUpload(session: Session, repository: string, location: string, signal?: AbortSignal): Promise<void> {
  try {
    await session.read({ path: location, method: 'DELETE', scopes: pushing(repository), signal }, answerLimit)
  } catch {
    // The registry purges it in its own time.
  }
}

export async function hasBlob(
  session: Session,
  repository: string,
  digest: Digest,
  size: number,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const path = `${repositoryPath(repository)}/blobs/${digest}`
  const scopes = [{ repository, actions: 'pull' as const }]
  const { status, headers } = await session.read({ path, method: 'HEAD', scopes, accepts: [404], signal }, answerLimit)
  return status !== 404 && headers['content-length'] === String(size)
}

/** Tries again what breaks off; where a registry wants a wait past all patience, that is told. */
export async function persistently<T>(options: UploadOptions, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  const { clock, random, report = silent } = options
  const onRetry = (fault: Fault) =>
    report({ kind: 'note', level: 'warning', text: `${fault.message}: trying again`, event: 'upload_retry' })
  const result = await retrying(
    { clock, random, attempts, base: 500, cap: 20_000, onRetry },
    async () => {
      try {
        return { done: await work() }
      } catch (error) {
        if (!(error instanceof Fault) || (error.retryAfter ?? 0) <= longestRetryAfter) throw error
        return { failed: error }
      }
    },
    signal,
  )
  if ('failed' in result) throw result.failed
  return result.done
}

/** What an answer says of where to go on: `Location`, and `Range: 0-N`, in which `0-0` is one byte, or nothing yet. */
export async function positionOf(session: Session, answer: HttpPage, assumed: number, current?: string): Promise<Position> {
  const { location = current, range, 'oci-chunk-min-length': least = '0' } = answer.headers
  if (location === undefined) throw new Fault('corrupt', `${session.host} does not say where an upload goes on`, { at: answer.url })
  const leastBytes = /^\d+$/.test(least) ? Number(least) : 0
  const chunkBytes = Math.max(usualChunkBytes, leastBytes)
  if (chunkBytes > largestChunkBytes) {
    throw new Fault('unsupported', `${session.host} wants chunks of ${least} bytes: more than ${largestChunkBytes}`, { at: answer.url })
  }
  const last = /^(?:bytes=)?0-(\d{1,15})$/.exec(range ?? '')?.[1]
  const offset = last === undefined ? assumed : last === '0' && assumed !== 1 ? 0 : Number(last) + 1
  return { location: await session.ownPath(location, answer.url), offset, chunkBytes, leastBytes }
}
