import { asFault } from '../../kit/index.ts'
import { nonceOf, sealPack } from '../pack/pack.ts'
import { createPacker, type PackBody, type Packer } from '../pack/packer.ts'
import type { FromLane, PartResult, PlainFault, ToLane } from './messages.ts'
import { readPart, type Regions } from './read-part.ts'
import { createRegion, type Region } from './region.ts'

/** The end of a channel: a worker's `parentPort`, or a `MessagePort`. */
export interface LanePort {
  on(event: 'message', listener: (message: ToLane) => void): unknown
  postMessage(message: FromLane, transfer: readonly ArrayBuffer[]): void
}

type Begin = Extract<ToLane, { type: 'begin' }>

/** Packs of one lane that are on their way to the store at a time. */
const packsUnderWay = 1

/**
 * Reads, cuts, hashes, compresses and packs as it is told, one message after the other. It fills one region while the main thread
 * decides about the other: which chunks are new.
 */
export function serveLane(port: LanePort): void {
  const verdicts = createLine<Uint8Array>()
  const written = createLine<true>()
  const work = createLine<Exclude<ToLane, { type: 'verdict' | 'written' }>>()
  port.on('message', (message) => {
    if (message.type === 'verdict') verdicts.push(message.isNew)
    else if (message.type === 'written') written.push(true)
    else work.push(message)
  })
  const send = (message: FromLane, transfer: readonly ArrayBuffer[] = []) => port.postMessage(message, transfer)
  const run = async () => {
    let session: Session | undefined
    for (;;) {
      const message = await work.take()
      if (message.type === 'begin') session = createSession(message, send, verdicts, written)
      else if (session !== undefined && message.type === 'read') sendResults(message.job, await session.read(message.parts), send)
      else if (session !== undefined && message.type === 'flush') {
        const body = await session.flush()
        send({ type: 'flushed', body }, buffersOf(body))
      }
    }
  }
  run().catch((error: unknown) => send({ type: 'failed', fault: plainFault(error) }))
}

interface Session {
  read(parts: Extract<ToLane, { type: 'read' }>['parts']): Promise<PartResult[]>
  flush(): Promise<PackBody | undefined>
}

interface Asked {
  readonly region: Region
  /** Present while the main thread decides about it. */
  isAsked: boolean
}

function createSession(
  begin: Begin,
  send: (message: FromLane, transfer?: readonly ArrayBuffer[]) => void,
  verdicts: Line<Uint8Array>,
  written: Line<true>,
): Session {
  const { sizes, level } = begin
  const packer = createPacker(level)
  const both: readonly [Asked, Asked] = [
    { region: createRegion(sizes), isAsked: false },
    { region: createRegion(sizes), isAsked: false },
  ]
  let turn: 0 | 1 = 0
  const sendPack = packSender(begin, send, written)
  const ask = (asked: Asked) => {
    if (asked.region.count === 0) return asked.region.clear()
    send({ type: 'ask', refs: asked.region.refs() })
    asked.isAsked = true
  }
  const settle = async (asked: Asked) => {
    if (!asked.isAsked) return
    const isNew = await verdicts.take()
    for (let index = 0; index < isNew.length; index++) {
      if (isNew[index] === 0) continue
      packer.add(asked.region.id(index), 'chunk', asked.region.chunk(index))
      if (packer.isFull) await sendPack(packer)
    }
    asked.region.clear()
    asked.isAsked = false
  }
  const regions: Regions = {
    max: sizes.max,
    get current() {
      return both[turn].region
    },
    async next(keepFrom) {
      const [full, other] = [both[turn], both[turn === 0 ? 1 : 0]]
      await settle(other)
      const rest = full.region.cutter.bytes.subarray(keepFrom, full.region.filled)
      other.region.cutter.bytes.set(rest)
      other.region.filled = rest.byteLength
      ask(full)
      turn = turn === 0 ? 1 : 0
      return other.region
    },
  }
  return {
    read: async (parts) => await readParts(parts, regions),
    async flush() {
      const [older, newer] = [both[turn === 0 ? 1 : 0], both[turn]]
      await settle(older)
      ask(newer)
      await settle(newer)
      return packer.take()
    },
  }
}

/** Sends what has been packed, once the pack before it is in the store. */
function packSender(
  { writer, lane }: Begin,
  send: (message: FromLane, transfer: readonly ArrayBuffer[]) => void,
  written: Line<true>,
): (packer: Packer) => Promise<void> {
  let packs = 0
  let underWay = 0
  return async (packer) => {
    if (underWay < packsUnderWay) underWay++
    else await written.take()
    const body = packer.take()
    if (body === undefined) return
    const { id, size, pieces, trailer } = sealPack([body], nonceOf(writer, `${lane}/${packs++}`))
    send({ type: 'pack', id, size, pieces, trailer }, buffersOf(body))
  }
}

/** What becomes of each: one that fails does not end the others. */
async function readParts(parts: Parameters<Session['read']>[0], regions: Regions): Promise<PartResult[]> {
  const results: PartResult[] = []
  for (const part of parts) {
    try {
      results.push(await readPart(part, regions))
    } catch (error) {
      results.push({ fault: plainFault(error) })
    }
  }
  return results
}

function buffersOf(body: PackBody | undefined): ArrayBuffer[] {
  return (body?.pieces ?? []).map(({ buffer }) => buffer as ArrayBuffer)
}

/** The references of all parts travel in one buffer: a thousand small ones would cost more than the files. */
function sendResults(
  job: number,
  results: readonly PartResult[],
  send: (message: FromLane, transfer: readonly ArrayBuffer[]) => void,
): void {
  const all = new Uint8Array(results.reduce((sum, result) => sum + ('fault' in result ? 0 : result.refs.byteLength), 0))
  let at = 0
  const placed = results.map((result) => {
    if ('fault' in result) return result
    const refs = all.subarray(at, at + result.refs.byteLength)
    refs.set(result.refs)
    at += refs.byteLength
    return { ...result, refs }
  })
  send({ type: 'done', job, results: placed }, [all.buffer])
}

export function plainFault(error: unknown): PlainFault {
  const { code, message, at, hint } = asFault(error)
  return { code, message, at, hint }
}

/** Items in the order in which they came, for one taker. */
interface Line<T> {
  push(item: T): void
  take(): Promise<T>
}

function createLine<T>(): Line<T> {
  const items: T[] = []
  let waiting: ((item: T) => void) | undefined
  return {
    push(item) {
      const taker = waiting
      waiting = undefined
      if (taker === undefined) items.push(item)
      else taker(item)
    },
    take() {
      if (items.length === 0) return new Promise((resolve) => (waiting = resolve))
      return Promise.resolve(items.shift()!)
    },
  }
}
