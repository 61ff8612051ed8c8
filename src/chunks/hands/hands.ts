import { getCompileCacheDir } from 'node:module'
import path from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { Worker } from 'node:worker_threads'
import { Fault } from '../../kit/index.ts'
import { type Answered, type Asked, perform, type Work, type WorkKind } from './perform.ts'

/** Does work on blocks and chunks: here while there is little, in threads once there is much. */
export interface Hands {
  /** How many pieces of work are worth being under way. */
  readonly width: number
  /** `bytes`: how much it is about. `prepare` is told whether the task travels to a thread, and says which memory goes along with it. */
  run<Kind extends WorkKind>(kind: Kind, bytes: number, prepare: (travels: boolean) => Prepared<Kind>): Promise<Work[Kind]['answer']>
  /** Ends the threads, and what is under way in them; later work is done here. Idempotent. */
  close(): Promise<void>
}

export interface Prepared<Kind extends WorkKind> {
  readonly task: Work[Kind]['task']
  readonly given: readonly ArrayBuffer[]
}

/** Bytes that are worked on before it pays to start threads. */
const inlineBytes = 32 << 20
/** Less than this is done sooner than a thread could be asked. */
const leastBytes = 128 << 10

export function createHands(count: number): Hands {
  const threads: Thread[] = []
  let done = 0
  let isClosed = false
  return {
    width: Math.max(4, count * 2),
    async run(kind, bytes, prepare) {
      done += bytes
      if (done <= inlineBytes || bytes < leastBytes || count < 2 || isClosed) return perform(kind, prepare(false).task)
      while (threads.length < count) threads.push(startThread())
      const idle = threads.reduce((least, thread) => (thread.load() < least.load() ? thread : least))
      return (await idle.ask(kind, bytes, prepare(true))) as Work[typeof kind]['answer']
    },
    async close() {
      isClosed = true
      await Promise.all(threads.splice(0).map((thread) => thread.close()))
    },
  }
}

interface Thread {
  /** Bytes of what is under way. */
  load(): number
  ask(kind: WorkKind, bytes: number, prepared: Prepared<WorkKind>): Promise<Work[WorkKind]['answer']>
  close(): Promise<void>
}

function startThread(): Thread {
  // While threads work, this one decides and waits: its young generation need not grow to what V8 would give it.
  setFlagsFromString('--semi-space-growth-factor=1')
  const compiled = getCompileCacheDir()
  const worker = new Worker(new URL('./thread.ts', import.meta.url), {
    resourceLimits: { maxYoungGenerationSizeMb: 4 },
    // The folder for this version of Node lies in the one that is asked for.
    workerData: compiled === undefined ? undefined : path.dirname(compiled),
  })
  const asked = new Map<number, PromiseWithResolvers<Work[WorkKind]['answer']> & { readonly bytes: number }>()
  let load = 0
  let next = 0
  const failAll = (fault: Fault) => {
    for (const { reject } of asked.values()) reject(fault)
    asked.clear()
  }
  worker.on('error', (error) => failAll(new Fault('bug', `a worker thread has failed: ${String(error)}`, { cause: error })))
  worker.on('exit', () => failAll(new Fault('bug', 'a worker thread has ended by itself')))
  worker.on('message', (answered: Answered) => {
    const waiting = asked.get(answered.number)
    if (waiting === undefined) return
    asked.delete(answered.number)
    load -= waiting.bytes
    if ('answer' in answered) waiting.resolve(answered.answer)
    else waiting.reject(new Fault(answered.fault.code, answered.fault.message, { at: answered.fault.at, hint: answered.fault.hint }))
  })
  return {
    load: () => load,
    ask(kind, bytes, { task, given }) {
      const waiting = { ...Promise.withResolvers<Work[WorkKind]['answer']>(), bytes }
      const number = next++
      asked.set(number, waiting)
      load += bytes
      worker.postMessage({ number, kind, task } satisfies Asked, given)
      return waiting.promise
    },
    async close() {
      worker.removeAllListeners('exit')
      await worker.terminate()
      failAll(new Fault('aborted', 'the threads were ended'))
    },
  }
}
