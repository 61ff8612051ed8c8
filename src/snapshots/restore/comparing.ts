import { closeSync, constants } from 'node:fs'
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { Fault } from '../../kit/index.ts'
import type { Part } from '../tree/entry.ts'
import { type ByteText, systemPath } from '../tree/name.ts'
import { compareFile, type FileDifference, openPlain, stretchesOf } from './local-file.ts'

/** Compares files with what they should be: here while there is little to compare, in threads once it is much. */
export interface Comparing {
  /** How many files are worth comparing at a time. */
  readonly width: number
  /** Undefined where the file cannot be read as it is. */
  compare(path: ByteText, size: number, parts: readonly Part[]): Promise<FileDifference | undefined>
  /** Idempotent. */
  close(): Promise<void>
}

/** What a thread is told to do, and what it says. `parts`: 40 bytes each, the digest (zeros for a hole) and the length. */
export interface ComparisonTask {
  readonly task: number
  readonly path: ByteText
  readonly size: number
  readonly parts: Uint8Array<ArrayBuffer>
}

export type ComparisonResult =
  | { readonly task: number; readonly difference: undefined }
  | {
      readonly task: number
      readonly difference: { readonly chunks: readonly number[]; readonly holes: readonly number[]; readonly isOtherSize: boolean }
    }
  | { readonly task: number; readonly trouble: string }

const inlineBytes = 32 << 20
const mostThreads = 4

export function createComparing(threads = Math.min(availableParallelism(), mostThreads)): Comparing {
  const pool: Thread[] = []
  let compared = 0
  return {
    width: Math.max(1, threads) * 2,
    async compare(path, size, parts) {
      compared += size
      if (compared <= inlineBytes || threads < 2) return compareHere(path, size, parts)
      while (pool.length < threads) pool.push(startThread())
      const idle = pool.reduce((least, thread) => (thread.load() < least.load() ? thread : least))
      return await idle.compare(path, size, parts)
    },
    async close() {
      await Promise.all(pool.splice(0).map((thread) => thread.close()))
    },
  }
}

export function compareHere(path: ByteText, size: number, parts: readonly Part[]): FileDifference | undefined {
  const fd = openPlain(systemPath(path), constants.O_RDONLY)
  if (fd === undefined) return undefined
  try {
    return compareFile(fd, size, parts)
  } finally {
    closeSync(fd)
  }
}

interface Thread {
  load(): number
  compare(path: ByteText, size: number, parts: readonly Part[]): Promise<FileDifference | undefined>
  close(): Promise<void>
}

function startThread(): Thread {
  // The sources run as they are, and built they lie in dist/ as JavaScript.
  const file = import.meta.url.endsWith('.ts') ? './compare-thread.ts' : './compare-thread.js'
  const worker = new Worker(new URL(file, import.meta.url), { resourceLimits: { maxYoungGenerationSizeMb: 8 } })
  const tasks = new Map<number, { readonly parts: readonly Part[]; readonly done: PromiseWithResolvers<FileDifference | undefined> }>()
  let next = 0
  const failAll = (error: Fault) => {
    for (const { done } of tasks.values()) done.reject(error)
    tasks.clear()
  }
  worker.on('error', (error) => failAll(new Fault('bug', `a thread that compares files has failed: ${String(error)}`, { cause: error })))
  worker.on('exit', () => failAll(new Fault('bug', 'a thread that compares files has ended by itself')))
  worker.on('message', (result: ComparisonResult) => {
    const task = tasks.get(result.task)
    tasks.delete(result.task)
    if ('trouble' in result) task?.done.reject(new Fault('unavailable', `cannot compare the file: ${result.trouble}`))
    else task?.done.resolve(result.difference && namedParts(task.parts, result.difference))
  })
  return {
    load: () => tasks.size,
    compare(path, size, parts) {
      const done = Promise.withResolvers<FileDifference | undefined>()
      const task: ComparisonTask = { task: next++, path, size, parts: packParts(parts) }
      tasks.set(task.task, { parts, done })
      worker.postMessage(task, [task.parts.buffer])
      return done.promise
    },
    async close() {
      worker.removeAllListeners('exit')
      await worker.terminate()
    },
  }
}

function namedParts(
  parts: readonly Part[],
  { chunks, holes, isOtherSize }: { chunks: readonly number[]; holes: readonly number[]; isOtherSize: boolean },
): FileDifference {
  const stretches = [...stretchesOf(parts)]
  return { chunks: chunks.map((index) => stretches[index]!), holes: holes.map((index) => stretches[index]!), isOtherSize }
}

const partBytes = 40

function packParts(parts: readonly Part[]): Uint8Array<ArrayBuffer> {
  const packed = Buffer.from(new ArrayBuffer(parts.length * partBytes))
  parts.forEach(({ id, length }, index) => {
    if (id !== undefined) packed.write(id.slice('sha256:'.length), index * partBytes, 'hex')
    packed.writeDoubleLE(id === undefined ? -length : length, index * partBytes + 32)
  })
  return packed as Uint8Array<ArrayBuffer>
}

export function unpackParts(bytes: Uint8Array): Part[] {
  const packed = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Array.from({ length: packed.byteLength / partBytes }, (_, index): Part => {
    const length = packed.readDoubleLE(index * partBytes + 32)
    if (length < 0) return { length: -length, id: undefined }
    return { length, id: `sha256:${packed.toString('hex', index * partBytes, index * partBytes + 32)}` }
  })
}
