import path from 'node:path'
import {
  type Digest,
  digestOf,
  type Disk,
  diskFault,
  errno,
  Fault,
  forEachBounded,
  linkedAbort,
  realDisk,
  type Report,
  throwIfAborted,
} from '../kit/index.ts'
import type { ObjectBody, ObjectStore } from '../store/index.ts'
import { type Follower, follow } from './follow.ts'
import { openPart, type Part, sweepParts } from './part.ts'
import { lookAtTarget, setMode } from './target.ts'

export interface DownloadOptions {
  readonly from: Pick<ObjectStore, 'name' | 'get'>
  readonly key: string
  readonly size: number
  /** Or, where nobody knows it, what else tells this content from any other: then its length alone is compared. */
  readonly digest: Digest | { readonly unknown: string }
  /** Only this version of the object: `precondition` otherwise. */
  readonly etag?: string | undefined
  readonly to: string
  /** Permission bits of the file, the lower nine; the umask's choice where it is left out. */
  readonly mode?: number | undefined
  /** Replace a file that exists with other content. */
  readonly force?: boolean | undefined
  /** Go on where an earlier process was ended, and leave something to go on with; unless told otherwise, yes. */
  readonly resume?: boolean | undefined
  /** Ranges fetched at once and their bytes; 4 of 8 MiB unless told. */
  readonly parts?: { readonly width: number; readonly bytes: number } | undefined
  readonly report?: Report | undefined
  readonly signal?: AbortSignal | undefined
  readonly disk?: Disk | undefined
}

export interface Downloaded {
  /** The file was there already, byte for byte; nothing was fetched. */
  readonly unchanged: boolean
  /** Bytes that came from the store. */
  readonly fetched: number
  /** Bytes that an earlier process had fetched. */
  readonly resumed: number
  readonly digest: Digest
}

type Job = Omit<DownloadOptions, 'digest'> & {
  readonly digest: Digest
  readonly isKnown: boolean
  readonly force: boolean
  readonly resume: boolean
  readonly disk: Disk
  readonly mode?: number | undefined
}

/**
 * Brings one object into a file: in parallel ranges into a folder beside the target, hashed, and only then under its name.
 * Killed at any moment it leaves the target as it was, and the next call fetches only the ranges that are missing.
 *
 * Throws `already-exists` where other content stands there (see `force`), `corrupt` for wrong bytes, `unavailable` for a
 * full disk, `not-found` and `precondition` as the store does. Two calls for one target may run at once: one is first.
 */
export async function downloadFile(options: DownloadOptions): Promise<Downloaded> {
  const { digest } = options
  const job: Job = {
    ...options,
    // Parts of it are found again by this.
    digest: typeof digest === 'string' ? digest : digestOf(digest.unknown),
    isKnown: typeof digest === 'string',
    force: options.force ?? false,
    resume: options.resume ?? true,
    disk: options.disk ?? realDisk,
    mode: options.mode === undefined ? undefined : options.mode & 0o777,
  }
  throwIfAborted(job.signal)
  if ((await lookAtTarget(job)) === 'same') {
    await sweepParts(job.to, job.disk)
    return await leaveAsItIs(job, 0)
  }
  const task = `fetch ${path.basename(job.to)}`
  job.report?.({ kind: 'begin', task, items: 1, bytes: job.size })
  try {
    return await fetchAndPlace(job, task)
  } finally {
    job.report?.({ kind: 'end', task })
  }
}

async function leaveAsItIs(job: Job, fetched: number): Promise<Downloaded> {
  await setMode(job)
  return { unchanged: true, fetched, resumed: 0, digest: job.digest }
}

async function fetchAndPlace(job: Job, task: string): Promise<Downloaded> {
  const part = await openPart({ ...job, target: job.to, rangeBytes: job.parts?.bytes ?? 8 << 20 })
  let got: { fetched: number; digest: Digest }
  try {
    got = await fetchMissing(job, part, task)
    throwIfAborted(job.signal)
  } catch (error) {
    // The fault that led here says more than one from putting things away.
    await part.release().catch(() => undefined)
    throw error
  }
  if (job.isKnown && got.digest !== job.digest) {
    await part.discard()
    if (part.finished.size === 0) throw mismatch(job, got.digest)
    job.report?.({
      kind: 'note',
      level: 'warning',
      text: `what an earlier download of ${job.key} left is damaged: fetching all of it again`,
    })
    return await fetchAndPlace({ ...job, resume: false }, task)
  }
  const { fetched } = got
  const placed = await part.place({ replace: job.force, mode: job.mode }).catch(async (error: unknown) => {
    await part.release().catch(() => undefined)
    throw error
  })
  if (placed) return { unchanged: false, fetched, resumed: job.size - fetched, digest: got.digest }
  // Someone else made a file of this name meanwhile: it is the same, or this throws.
  await lookAtTarget(job)
  return await leaveAsItIs(job, fetched)
}

interface Range {
  readonly index: number
  readonly start: number
  readonly end: number
}

async function fetchMissing(job: Job, part: Part, task: string): Promise<{ fetched: number; digest: Digest }> {
  const follower = follow({ ...job, ...part })
  const missing = rangesOf(job.size, part.rangeBytes).filter(({ index }) => !part.finished.has(index))
  const fetched = missing.reduce((sum, range) => sum + range.end - range.start, 0)
  job.report?.({ kind: 'advance', task, bytes: job.size - fetched })
  await checkSpace(job, job.size - part.held)
  const [first] = missing
  if (first !== undefined) {
    using link = linkedAbort(job.signal)
    const { signal } = link.controller
    try {
      const opened = await open(job, first, job.etag, signal)
      const { etag } = opened.info
      const each = async (range: Range, inner: AbortSignal) => {
        const body = range === first ? opened : await open(job, range, etag, inner)
        await fill({ job, part, follower, task }, range, body, inner)
      }
      await forEachBounded(missing, job.parts?.width ?? 4, each, signal)
    } finally {
      // Whatever was opened and not read to its end is let go.
      link.controller.abort(new Fault('aborted', 'stopped before it was done'))
    }
  }
  return { fetched, digest: await follower.digest() }
}

function rangesOf(size: number, rangeBytes: number): Range[] {
  const count = Math.max(1, Math.ceil(size / rangeBytes))
  return Array.from({ length: count }, (_, index) => ({ index, start: index * rangeBytes, end: Math.min((index + 1) * rangeBytes, size) }))
}

async function open(job: Job, range: Range, etag: string | undefined, signal: AbortSignal): Promise<ObjectBody> {
  const isWhole = range.start === 0 && range.end === job.size
  const body = await job.from.get(job.key, { signal, etag, ...(isWhole ? {} : { range: { start: range.start, end: range.end } }) })
  if (body.info.size === job.size) return body
  throw new Fault('corrupt', `the object has ${body.info.size} bytes, expected are ${job.size}`, { at: nameOf(job) })
}

interface Filling {
  readonly job: Job
  readonly part: Part
  readonly follower: Follower
  readonly task: string
}

async function fill({ job, part, follower, task }: Filling, range: Range, body: ObjectBody, signal: AbortSignal): Promise<void> {
  let position = range.start
  for await (const piece of body) {
    throwIfAborted(signal)
    if (position + piece.byteLength > range.end) break
    await part.write(position, piece)
    follower.wrote(position, piece)
    position += piece.byteLength
    job.report?.({ kind: 'advance', task, bytes: piece.byteLength })
  }
  if (position !== range.end) {
    throw new Fault('corrupt', `the store gave other than the ${range.end - range.start} bytes from ${range.start} on`, { at: nameOf(job) })
  }
  await part.finish(range.index)
  await follower.catchUp()
}

/** Looks for room before the first byte; where the file system cannot say, writing will. */
async function checkSpace(job: Job, needed: number): Promise<void> {
  const folder = path.dirname(job.to)
  const stats = await job.disk.statfs(folder).catch((error: unknown) => {
    if (errno(error) === 'ENOSYS' || errno(error) === 'ENOTSUP') return undefined
    throw diskFault(error, folder, 'see how much room there is')
  })
  if (stats === undefined || stats.bavail * stats.bsize >= needed) return
  throw new Fault('unavailable', `the disk has ${stats.bavail * stats.bsize} bytes left and ${needed} more are needed`, {
    at: job.to,
    hint: 'free some space and run it again',
  })
}

function mismatch(job: Job, digest: Digest): Fault {
  return new Fault('corrupt', `expected ${job.digest}, got ${digest}`, {
    at: nameOf(job),
    hint: 'run verify on the store to find what else is damaged',
  })
}

function nameOf(job: Job): string {
  return `${job.from.name}/${job.key}`
}
