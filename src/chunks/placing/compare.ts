import { hash } from 'node:crypto'
import { idBytes } from '../chunk.ts'
import { freeNow } from '../pack/block.ts'
import { wantedOf, type WantedBytes } from './wanted-bytes.ts'
import { readFully } from './write.ts'

/** Bytes of a file that are read at once. */
const readBytes = 512 << 10

/** By number: the chunks that are not in their file where they should be. They are in the order of the file. */
export function compareChunks(packed: Uint8Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const chunks = wantedOf(packed)
  const differing: number[] = []
  let buffer = Buffer.allocUnsafe(0)
  for (let first = 0; first < chunks.count;) {
    const { next, end } = runFrom(chunks, first)
    const start = chunks.offset(first)
    if (buffer.byteLength < end - start) {
      freeNow(buffer)
      buffer = Buffer.allocUnsafe(end - start)
    }
    const bytes = buffer.subarray(0, end - start)
    const isWhole = readFully(chunks.fd(first), bytes, start)
    for (let index = first; index < next; index++) {
      const at = chunks.offset(index) - start
      const chunk = bytes.subarray(at, at + chunks.length(index))
      // Where the file is too short for all of them, each is looked at by itself.
      const isThere = isWhole || readFully(chunks.fd(index), chunk, chunks.offset(index))
      const idAt = chunks.idAt(index)
      if (!isThere || hash('sha256', chunk, 'buffer').compare(chunks.bytes, idAt, idAt + idBytes) !== 0) differing.push(index)
    }
    first = next
  }
  freeNow(buffer)
  return Uint32Array.from(differing)
}

/** Chunks that follow each other, as many as are read at once. */
function runFrom(chunks: WantedBytes, first: number): { readonly next: number; readonly end: number } {
  const start = chunks.offset(first)
  let end = start + chunks.length(first)
  let next = first + 1
  while (next < chunks.count && chunks.offset(next) === end && end + chunks.length(next) - start <= readBytes) end += chunks.length(next++)
  return { next, end }
}
