import { hash } from 'node:crypto'
import { errno, isFault } from '../../kit/index.ts'
import { idBytes } from '../chunk.ts'
import { type BlockMethod, decompressBlock, freeNow } from '../pack/block.ts'
import { wantedOf, type WantedBytes } from './wanted-bytes.ts'
import { putAt } from './write.ts'

export interface BlocksToPlace {
  /** A stretch of a pack. */
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly blocks: readonly BlockToPlace[]
  /** The wanted chunks, block by block in their order within it. */
  readonly wanted: Uint8Array<ArrayBuffer>
  readonly at: string
}

export interface BlockToPlace {
  readonly method: BlockMethod
  /** Where it begins in the stretch. */
  readonly from: number
  readonly stored: number
  readonly plain: number
  /** How many chunks of it are wanted. */
  readonly count: number
}

export interface PlacedBlocks {
  /** What was written, in bytes. */
  readonly written: number
  /** By number: chunks that are not what their ids say. They were not written. */
  readonly bad: readonly number[]
  /** Chunks that the disk refused. */
  readonly failed: readonly { readonly index: number; readonly code: string | undefined; readonly message: string }[]
}

/** Decompresses blocks, checks the wanted chunks of them against their ids, and writes them where they belong. The stretch is used up. */
export function placeBlocks({ bytes, blocks, wanted, at }: BlocksToPlace): PlacedBlocks {
  const chunks = wantedOf(wanted)
  const outcome: Outcome = { written: 0, bad: [], failed: [] }
  let first = 0
  for (const { method, from, stored, plain: length, count } of blocks) {
    const plain = plainOf({ method, bytes: bytes.subarray(from, from + stored) }, length, at)
    if (plain === undefined) for (let index = first; index < first + count; index++) outcome.bad.push(index)
    else {
      placeChunks(plain, chunks, first, first + count, outcome)
      if (method === 'zstd') freeNow(plain)
    }
    first += count
  }
  freeNow(bytes)
  return outcome
}

interface Outcome {
  written: number
  readonly bad: number[]
  readonly failed: { index: number; code: string | undefined; message: string }[]
}

function plainOf(stored: { method: BlockMethod; bytes: Uint8Array }, length: number, at: string): Uint8Array | undefined {
  try {
    return decompressBlock(stored, length, at)
  } catch (error) {
    if (isFault(error, 'corrupt')) return undefined
    throw error
  }
}

function placeChunks(plain: Uint8Array, chunks: WantedBytes, first: number, end: number, outcome: Outcome): void {
  const isGood = checkerOf(plain, chunks)
  for (let index = first; index < end;) {
    if (!isGood(index)) {
      outcome.bad.push(index++)
      continue
    }
    // What lies together in the block and in the file is written at once.
    let next = index + 1
    while (next < end && follows(chunks, next) && isGood(next)) next++
    placeRun(plain, chunks, index, next, outcome)
    index = next
  }
}

/** A chunk that goes to several places is checked once. */
function checkerOf(plain: Uint8Array, chunks: WantedBytes): (index: number) => boolean {
  let checked = { start: -1, isGood: false }
  return (index) => {
    const start = chunks.start(index)
    if (checked.start === start) return checked.isGood
    const idAt = chunks.idAt(index)
    const actual = hash('sha256', plain.subarray(start, start + chunks.length(index)), 'buffer')
    checked = { start, isGood: actual.compare(chunks.bytes, idAt, idAt + idBytes) === 0 }
    return checked.isGood
  }
}

function follows(chunks: WantedBytes, index: number): boolean {
  const length = chunks.length(index - 1)
  return (
    chunks.fd(index) === chunks.fd(index - 1) &&
    chunks.start(index) === chunks.start(index - 1) + length &&
    chunks.offset(index) === chunks.offset(index - 1) + length &&
    chunks.onlyDifferences(index) === chunks.onlyDifferences(index - 1)
  )
}

function placeRun(plain: Uint8Array, chunks: WantedBytes, first: number, end: number, outcome: Outcome): void {
  const bytes = plain.subarray(chunks.start(first), chunks.start(end - 1) + chunks.length(end - 1))
  try {
    outcome.written += putAt(chunks.fd(first), bytes, chunks.offset(first), chunks.onlyDifferences(first))
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    for (let index = first; index < end; index++) outcome.failed.push({ index, code: errno(error), message })
  }
}
