import { hash } from 'node:crypto'
import { idBytes } from '../chunk.ts'
import type { Cutter, CutSizes } from '../cut/cut.ts'
import { createCutter } from '../cut/wasm.ts'

/** A stretch of memory that files are read into, one behind the other, and the chunks found there. */
export interface Region {
  readonly cutter: Cutter
  /** The first free byte. */
  filled: number
  readonly count: number
  /** Notes a chunk and gives its reference: 32 bytes of id, 4 of length; good until `clear`. */
  note(start: number, end: number): Uint8Array
  /** References of all chunks, in 36 bytes each. */
  refs(): Uint8Array
  chunk(index: number): Uint8Array
  id(index: number): Uint8Array
  clear(): void
  readonly isFull: boolean
}

const regionBytes = 1 << 20
const maxChunks = 1 << 12
const refBytes = idBytes + 4

export function createRegion(sizes: CutSizes): Region {
  const cutter = createCutter(sizes, Math.max(regionBytes, sizes.max * 4))
  const starts = new Uint32Array(maxChunks)
  const table = Buffer.alloc(maxChunks * refBytes)
  let count = 0
  return {
    cutter,
    filled: 0,
    get count() {
      return count
    },
    get isFull() {
      return count === maxChunks
    },
    note(start, end) {
      const at = count * refBytes
      starts[count++] = start
      hash('sha256', cutter.bytes.subarray(start, end), 'buffer').copy(table, at)
      table.writeUInt32LE(end - start, at + idBytes)
      return table.subarray(at, at + refBytes)
    },
    refs: () => new Uint8Array(table.subarray(0, count * refBytes)),
    chunk(index) {
      const start = starts[index]!
      return cutter.bytes.subarray(start, start + table.readUInt32LE(index * refBytes + idBytes))
    },
    id: (index) => new Uint8Array(table.subarray(index * refBytes, index * refBytes + idBytes)),
    clear() {
      count = 0
      this.filled = 0
    },
  }
}
