import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { Fault } from '../../kit/index.ts'
import { createPatcher, type Patcher, type PatchTask } from './patch.ts'

/** Makes ranges of files what they should be: here while there is little to do, in threads once it is much. */
export interface Patching {
  /** Bytes that were written. Large ranges are cut, so that one file keeps all threads busy. */
  patch(task: PatchTask): Promise<number>
  /** Idempotent. */
  close(): Promise<void>
}

export interface PatchMessage {
  readonly id: number
  readonly task: PatchTask
}

export type PatchResult =
  | { readonly id: number; readonly written: number }
  | { readonly id: number; readonly trouble: string; readonly code: string | undefined }

/** Threads take some 30 ms to start. */
const inlineBytes = 64 << 20
const pieceBytes = 32 << 20
const mostThreads = 4

export function createPatching(threads = Math.min(availableParallelism(), mostThreads)): Patching {
  const pool: Thread[] = []
  let here: Patcher | undefined
  let seen = 0
  const patchPiece = async (task: PatchTask): Promise<number> => {
    seen += task.length
    if (seen <= inlineBytes || threads < 2) return (here ??= createPatcher()).patch(task)
    while (pool.length < threads) pool.push(startThread())
    return await pool.reduce((least, thread) => (thread.load() < least.load() ? thread : least)).patch(task)
  }
  return {
    async patch({ offset, length, ...files }) {
      const pieces: Promise<number>[] = []
      for (let done = 0; done < length; done += pieceBytes) {
        pieces.push(patchPiece({ ...files, offset: offset + done, length: Math.min(pieceBytes, length - done) }))
      }
      // All, so that nobody closes a file that a thread works on.
      const outcomes = await Promise.allSettled(pieces)
      return outcomes.reduce((sum, outcome) => {
        if (outcome.status === 'rejected') throw outcome.reason
        return sum + outcome.value
      }, 0)
    },
    async close() {
      await Promise.all(pool.splice(0).map((thread) => thread.close()))
    },
  }
}

interface Thread {
  load(): number
  patch(task: PatchTask): Promise<number>
  close(): Promise<void>
}

function startThread(): Thread {
  const worker = new Worker(new URL('./patch-thread.ts', import.meta.url), { resourceLimits: { maxYoungGenerationSizeMb: 8 } })
  const waiting = new Map<number, PromiseWithResolvers<number>>()
  let next = 0
  const failAll = (cause: unknown) => {
    const fault = new Fault('bug', `a thread that compares files has failed: ${String(cause)}`, { cause })
    for (const { reject } of waiting.values()) reject(fault)
    waiting.clear()
  }
  worker.on('error', failAll)
  worker.on('exit', () => failAll('it has ended by itself'))
  worker.on('message', (result: PatchResult) => {
    const done = waiting.get(result.id)
    waiting.delete(result.id)
    if ('written' in result) done?.resolve(result.written)
    else done?.reject(Object.assign(new Error(result.trouble), result.code === undefined ? {} : { code: result.code }))
  })
  return {
    load: () => waiting.size,
    patch(task) {
      const id = next++
      const done = Promise.withResolvers<number>()
      waiting.set(id, done)
      const message: PatchMessage = { id, task }
      worker.postMessage(message, [])
      return done.promise
    },
    async close() {
      worker.removeAllListeners('exit')
      await worker.terminate()
    },
  }
}
