import { parentPort } from 'node:worker_threads'
import { compareHere, type ComparisonResult, type ComparisonTask, unpackParts } from './comparing.ts'

// The beginning of a thread that compares files.
parentPort?.on('message', (message: ComparisonTask) => parentPort!.postMessage(answer(message), []))

function answer({ task, path, size, parts: packed }: ComparisonTask): ComparisonResult {
  const parts = unpackParts(packed)
  const offsets = new Map<number, number>()
  let offset = 0
  for (const [index, { length }] of parts.entries()) {
    offsets.set(offset, index)
    offset += length
  }
  try {
    const difference = compareHere(path, size, parts)
    if (difference === undefined) return { task, difference }
    const { chunks, holes, isOtherSize } = difference
    const indexOf = (stretch: { readonly offset: number }) => offsets.get(stretch.offset)!
    return { task, difference: { chunks: chunks.map(indexOf), holes: holes.map(indexOf), isOtherSize } }
  } catch (error) {
    return { task, trouble: error instanceof Error ? error.message : String(error) }
  }
}
