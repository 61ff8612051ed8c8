import type { Fault } from '../../kit/index.ts'
import { idBytes } from '../chunk.ts'
import type { FileReading } from '../ingest/file-reading.ts'
import { faultOf, type Lane, type LaneEvents, openInlineLane, openThreadLane } from '../ingest/lanes.ts'
import type { FromLane } from '../ingest/messages.ts'
import type { PackBody } from '../pack/packer.ts'
import type { ChunkParameters } from '../parameters.ts'
import type { PackSink } from './pack-sink.ts'
import type { Wanted } from './wanted.ts'

/** The lanes of one session. There is one in this thread for little work; threads start when there is more. */
export interface LaneGroup {
  /** So many bytes are going to be read. */
  prepare(bytes: number): void
  /** What the lanes have left. */
  flush(): Promise<PackBody[]>
  /** Ends the wait for it. */
  fail(fault: Fault): void
  /** Idempotent. */
  close(): Promise<void>
}

export interface LaneGroupParts {
  /** The name that makes this session's packs unlike all others. */
  readonly writer: string
  readonly parameters: ChunkParameters
  readonly threads: number
  readonly sink: PackSink
  readonly wanted: Wanted
  readonly reading: FileReading
  readonly fail: (error: unknown) => void
  readonly keepLease: () => Promise<void>
}

/** Bytes that are read before a thread has started. */
const inlineBytes = 4 << 20
const refBytes = idBytes + 4

interface OpenLane {
  readonly lane: Lane
  readonly flushed: PromiseWithResolvers<PackBody | undefined>
}

export function createLaneGroup(parts: LaneGroupParts): LaneGroup {
  const { parameters, threads, reading, fail } = parts
  const open: OpenLane[] = []
  let prepared = 0
  let hasThreads = false

  const add = (openLane: (events: LaneEvents) => Lane) => {
    const flushed = Promise.withResolvers<PackBody | undefined>()
    flushed.promise.catch(() => undefined)
    const lane = openLane({
      message: (message) => receive(parts, lane, flushed.resolve, message),
      broken: fail,
    })
    lane.send({ type: 'begin', writer: parts.writer, lane: open.length, sizes: parameters.chunking, level: parameters.compression.level })
    open.push({ lane, flushed })
    reading.addLane(lane)
  }
  return {
    prepare(bytes) {
      prepared += bytes
      if (open.length === 0) add(openInlineLane)
      if (hasThreads || threads === 0 || prepared <= inlineBytes) return
      hasThreads = true
      // It gives up its memory to them.
      const [first] = open
      reading.removeLane(first!.lane)
      first!.lane.send({ type: 'flush' })
      first!.flushed.promise.then(() => first!.lane.close()).catch(() => undefined)
      for (let thread = 0; thread < threads; thread++) add(openThreadLane)
    },
    async flush() {
      for (const { lane } of hasThreads ? open.slice(1) : open) lane.send({ type: 'flush' })
      const bodies = await Promise.all(open.map(({ flushed }) => flushed.promise))
      return bodies.filter((body) => body !== undefined)
    },
    fail(fault) {
      for (const { flushed } of open) flushed.reject(fault)
    },
    async close() {
      await Promise.all(open.splice(0).map(({ lane }) => lane.close()))
    },
  }
}

function receive(
  { sink, wanted, reading, fail, keepLease }: LaneGroupParts,
  lane: Lane,
  flushed: (body: PackBody | undefined) => void,
  message: FromLane,
): void {
  if (message.type === 'ask') {
    const { refs } = message
    const view = new DataView(refs.buffer, refs.byteOffset, refs.byteLength)
    const isNew = new Uint8Array(refs.byteLength / refBytes)
    for (let index = 0; index < isNew.length; index++) {
      isNew[index] = Number(wanted.want(refs, index * refBytes, view.getUint32(index * refBytes + idBytes, true)))
    }
    lane.send({ type: 'verdict', isNew })
  } else if (message.type === 'pack') {
    storePack(sink, lane, message).catch(fail)
  } else if (message.type === 'done') {
    reading.done(lane, message)
    keepLease().catch(fail)
  } else if (message.type === 'flushed') flushed(message.body)
  else if (message.type === 'failed') fail(faultOf(message.fault))
}

async function storePack(sink: PackSink, lane: Lane, pack: Extract<FromLane, { type: 'pack' }>): Promise<void> {
  await sink.put(pack)
  lane.send({ type: 'written' })
}
