import type { Fault } from '../../kit/index.ts'
import { chunkListOf } from '../chunk.ts'
import type { AddFileOptions, ExpectedFile, IngestedFile } from '../chunk-store.ts'
import { faultOf, type Lane } from './lanes.ts'
import type { FromLane, PartResult, PartToRead } from './messages.ts'

/** Files that wait for a lane, and those that are being read. */
export interface FileReading {
  add(path: string | Uint8Array, expected: ExpectedFile, options: AddFileOptions): Promise<IngestedFile>
  /** Uses that lane too. */
  addLane(lane: Lane): void
  /** Gives no more to that lane. */
  removeLane(lane: Lane): void
  /** A lane has ended a job. */
  done(lane: Lane, message: Extract<FromLane, { type: 'done' }>): void
  /** Resolves when nothing waits and nothing is under way. */
  idle(): Promise<void>
  /** Everything that waits or is under way is rejected, as is all that comes. */
  fail(fault: Fault): void
}

/** A large file is read by several lanes, this much by each at a time. */
const segmentBytes = 32 << 20
/** Cutting begins this much before a segment, so that it has fallen into step with the cuts of the one before. */
const lookBack = 1 << 20
/** What one message brings a lane at most. */
const jobBytes = 1 << 20
const jobParts = 128
/** So that a lane has the next job when it ends one. */
const jobsPerLane = 2
/** A file that changes between the readings of its segments is read again this often. */
const readings = 4

interface Waiting {
  readonly part: PartToRead
  readonly bytes: number
  readonly resolve: (result: PartResult) => void
  readonly reject: (fault: Fault) => void
}

export function createFileReading(): FileReading {
  const waiting: Waiting[] = []
  const underWay = new Map<number, readonly Waiting[]>()
  const lanes = new Map<Lane, number>()
  const idlers: (() => void)[] = []
  let failure: Fault | undefined
  let jobs = 0
  let isPumping = false

  const pump = () => {
    isPumping = false
    for (const [lane, busy] of lanes) {
      let count = busy
      for (; count < jobsPerLane && waiting.length > 0; count++) {
        const job = takeJob(waiting)
        underWay.set(jobs, job)
        lane.send({ type: 'read', job: jobs++, parts: job.map(({ part }) => part) })
      }
      lanes.set(lane, count)
    }
    if (waiting.length === 0 && underWay.size === 0) for (const wake of idlers.splice(0)) wake()
  }
  /** Soon: calls that come together share a message. */
  const pumpSoon = () => {
    if (isPumping) return
    isPumping = true
    setImmediate(pump)
  }
  const read = (part: PartToRead, bytes: number) =>
    new Promise<PartResult>((resolve, reject) => {
      if (failure !== undefined) return reject(failure)
      waiting.push({ part, bytes, resolve, reject })
      pumpSoon()
    })
  return {
    async add(name, expected, { extents }) {
      // A copy of its own: a Buffer's memory may be a pool that would travel whole.
      const path = typeof name === 'string' ? name : new Uint8Array(name)
      const bytes = extents?.reduce((sum, { start, end }) => sum + end - start, 0) ?? expected.size
      const whole: PartToRead = { path, expected, extents, from: 0, to: Number.POSITIVE_INFINITY, start: 0 }
      if (lanes.size < 2 || bytes < 2 * segmentBytes) return fileOf(expected, await read(whole, bytes))
      return await readSegments(whole, bytes, read)
    },
    addLane(lane) {
      lanes.set(lane, 0)
      pumpSoon()
    },
    removeLane: (lane) => void lanes.delete(lane),
    done(lane, { job, results }) {
      const busy = lanes.get(lane)
      if (busy !== undefined) lanes.set(lane, busy - 1)
      underWay.get(job)?.forEach(({ resolve }, index) => resolve(results[index]!))
      underWay.delete(job)
      pumpSoon()
    },
    idle: () =>
      new Promise((resolve) => {
        idlers.push(resolve)
        pumpSoon()
      }),
    fail(fault) {
      failure = fault
      for (const { reject } of [...waiting.splice(0), ...[...underWay.values()].flat()]) reject(fault)
      underWay.clear()
      lanes.clear()
      pumpSoon()
    },
  }
}

/** One large part, or as many small ones as a message shall bring. */
function takeJob(waiting: Waiting[]): Waiting[] {
  let bytes = 0
  let count = 0
  do bytes += waiting[count++]!.bytes
  while (count < waiting.length && count < jobParts && bytes + waiting[count]!.bytes <= jobBytes)
  return waiting.splice(0, count)
}

function fileOf(expected: ExpectedFile, result: PartResult): IngestedFile {
  if ('fault' in result) throw faultOf(result.fault)
  return { stat: result.stat ?? expected, chunks: chunkListOf(result.refs), changedWhileRead: result.changed }
}

type Read = (part: PartToRead, bytes: number) => Promise<PartResult>
type ReadPart = Exclude<PartResult, { fault: unknown }>

/**
 * The same chunks as if one lane had read the whole file. Each segment is cut from a little before its beginning; where its first
 * chunk does not begin where the last chunk of the segment before ends, it is cut once more from there.
 */
async function readSegments(whole: PartToRead, bytes: number, read: Read): Promise<IngestedFile> {
  for (let reading = 1; ; reading++) {
    const found = await Promise.all(
      Array.from({ length: Math.ceil(bytes / segmentBytes) }, async (_, index) => {
        const from = index * segmentBytes
        const to = from + segmentBytes >= bytes ? Number.POSITIVE_INFINITY : from + segmentBytes
        return partOf(await read({ ...whole, from, to, start: Math.max(0, from - lookBack) }, Math.min(segmentBytes, bytes - from)))
      }),
    )
    let position = 0
    for (const [index, segment] of found.entries()) {
      if (segment.first !== position) {
        const to = index === found.length - 1 ? Number.POSITIVE_INFINITY : (index + 1) * segmentBytes
        found[index] = partOf(await read({ ...whole, from: position, to, start: position }, segmentBytes))
      }
      position = found[index]!.last
    }
    const stat = found[0]!.stat ?? whole.expected
    const changed = found.some((segment) => segment.changed || !isSame(segment.stat ?? whole.expected, stat))
    if (changed && reading < readings) continue
    return { stat, chunks: chunkListOf(Buffer.concat(found.map(({ refs }) => refs))), changedWhileRead: changed }
  }
}

function partOf(result: PartResult): ReadPart {
  if ('fault' in result) throw faultOf(result.fault)
  return result
}

function isSame(a: ExpectedFile, b: ExpectedFile): boolean {
  return a.size === b.size && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs && a.ino === b.ino && a.dev === b.dev
}
