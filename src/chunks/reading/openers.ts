import type { Fault } from '../../kit/index.ts'
import type { BlockPlace, ChunkIndex } from '../indexes/chunk-index.ts'
import { faultOf, type Lane, openThreadLane } from '../ingest/lanes.ts'
import type { FromLane } from '../ingest/messages.ts'
import type { StoredBlock } from '../pack/block.ts'
import { openBlock, type OpenedBlock } from '../pack/open-block.ts'

/** Decompresses and checks blocks: here while there are few, in threads once there are many. */
export interface Openers {
  open(stored: StoredBlock, place: BlockPlace, at: string): Promise<OpenedBlock>
  /** Ends the threads; later blocks are opened here. Idempotent. */
  close(): Promise<void>
}

/** Plain bytes that are opened before it pays to start threads. */
const inlineBytes = 32 << 20

interface Thread {
  readonly lane: Lane
  readonly tasks: Map<number, PromiseWithResolvers<OpenedBlock>>
}

export function createOpeners(index: ChunkIndex, count: number): Openers {
  const threads: Thread[] = []
  let opened = 0
  let task = 0
  let isClosed = false

  const start = (): Thread => {
    const tasks = new Map<number, PromiseWithResolvers<OpenedBlock>>()
    const failAll = (fault: Fault) => {
      for (const { reject } of tasks.values()) reject(fault)
      tasks.clear()
    }
    return { tasks, lane: openThreadLane({ message: (message) => settle(tasks, failAll, message), broken: failAll }) }
  }
  return {
    open(stored, place, at) {
      opened += place.plain
      const chunks = index.chunksOf(place)
      if (opened <= inlineBytes || count < 2 || isClosed) return openHere(stored, place.plain, chunks, at)
      // This thread has its own work: it reads, and whoever asked writes.
      while (threads.length < count - 1) threads.push(start())
      const { lane, tasks } = threads.reduce((idle, thread) => (thread.tasks.size < idle.tasks.size ? thread : idle))
      const result = Promise.withResolvers<OpenedBlock>()
      tasks.set(++task, result)
      // Its own copy: the bytes are a part of what one request brought, which would travel whole.
      const bytes = stored.bytes.slice()
      lane.send({ type: 'open', task, method: stored.method, bytes, plain: place.plain, chunks, at }, [
        bytes.buffer,
        chunks.buffer as ArrayBuffer,
      ])
      return result.promise
    },
    async close() {
      isClosed = true
      await Promise.all(threads.splice(0).map(({ lane }) => lane.close()))
    },
  }
}

async function openHere(stored: StoredBlock, plain: number, chunks: Uint8Array, at: string): Promise<OpenedBlock> {
  return openBlock(stored, plain, chunks, at)
}

function settle(tasks: Map<number, PromiseWithResolvers<OpenedBlock>>, failAll: (fault: Fault) => void, message: FromLane): void {
  if (message.type === 'opened') tasks.get(message.task)?.resolve(message)
  else if (message.type === 'unopened') tasks.get(message.task)?.reject(faultOf(message.fault))
  else if (message.type === 'failed') failAll(faultOf(message.fault))
  if (message.type === 'opened' || message.type === 'unopened') tasks.delete(message.task)
}
