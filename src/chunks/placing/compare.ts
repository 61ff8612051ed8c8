import { hash } from 'node:crypto'
import { idBytes } from '../chunk.ts'
import { wantedOf } from './wanted-bytes.ts'
import { readFully } from './write.ts'

/** Bytes of a file that are read at once. */
const readBytes = 512 << 10

/** By number: the chunks that are not in their file where they should be. They are in the order of the file. */
export function compareChunks(packed: Uint8Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const chunks = wantedOf(packed)
  const differing: number[] = []
  let buffer = Buffer.allocUnsafe(0)
  for (let first = 0; first < chunks.count;) {
    const start = chunks.offset(first)
    let end = start + chunks.length(first)
    let next = first + 1
    while (next < chunks.count && chunks.offset(next) === end && end + chunks.length(next) - start <= readBytes)
      end += chunks.length(next++)
    if (buffer.byteLength < end - start) buffer = Buffer.allocUnsafe(Math.max(readBytes, end - start))
    const bytes = buffer.subarray(0, end - start)
    // The end of a file that is shorter than it should be differs; of what is before, each chunk is looked at by itself.
    const isWhole = readFully(chunks.fd(first), bytes, start)
    for (let index = first; index < next; index++) {
      const chunk = bytes.subarray(chunks.offset(index) - start, chunks.offset(index) - start + chunks.length(index))
      const isThere = isWhole || (next - first > 1 && readFully(chunks.fd(index), chunk, chunks.offset(index)))
      const idAt = chunks.idAt(index)
      if (!isThere || hash('sha256', chunk, 'buffer').compare(chunks.bytes, idAt, idAt + idBytes) !== 0) differing.push(index)
    }
    first = next
  }
  return Uint32Array.from(differing)
}
