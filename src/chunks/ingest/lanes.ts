import { availableParallelism } from 'node:os'
import { setFlagsFromString } from 'node:v8'
import { MessageChannel, Worker } from 'node:worker_threads'
import { Fault } from '../../kit/index.ts'
import { serveLane } from './lane.ts'
import type { FromLane, PlainFault, ToLane } from './messages.ts'

/** A place where files are read, cut and packed: a thread, or this one. */
export interface Lane {
  send(message: ToLane, transfer?: readonly ArrayBuffer[]): void
  /** What is under way is lost. Idempotent. */
  close(): Promise<void>
}

export interface LaneEvents {
  message(message: FromLane): void
  /** The lane has ended by itself. */
  broken(error: Fault): void
}

/** More threads would need more memory than they bring speed: each holds two packs and two regions. */
const mostThreads = 4

export function usualThreads(): number {
  return Math.min(availableParallelism(), mostThreads)
}

/** In this thread: for little work it is faster than starting one. */
export function openInlineLane(events: LaneEvents): Lane {
  const { port1, port2 } = new MessageChannel()
  port1.on('message', (message: FromLane) => events.message(message))
  serveLane({
    on: (event, listener) => port2.on(event, listener),
    postMessage: (message, transfer) => port2.postMessage(message, [...transfer]),
  })
  return {
    send: (message, transfer = []) => port1.postMessage(message, [...transfer]),
    async close() {
      port1.close()
    },
  }
}

export function openThreadLane(events: LaneEvents): Lane {
  // While threads work, this one decides and waits: its young generation need not grow to what V8 would give it.
  setFlagsFromString('--semi-space-growth-factor=1')
  const worker = new Worker(new URL('./thread.ts', import.meta.url), { resourceLimits: { maxYoungGenerationSizeMb: 4 } })
  let isOpen = true
  worker.on('message', (message: FromLane) => events.message(message))
  worker.on('error', (error) => events.broken(new Fault('bug', `a worker thread has failed: ${String(error)}`, { cause: error })))
  worker.on('exit', () => {
    if (isOpen) events.broken(new Fault('bug', 'a worker thread has ended by itself'))
  })
  return {
    send: (message, transfer = []) => worker.postMessage(message, [...transfer]),
    async close() {
      isOpen = false
      await worker.terminate()
    },
  }
}

export function faultOf({ code, message, at, hint }: PlainFault): Fault {
  return new Fault(code, message, { at, hint })
}
