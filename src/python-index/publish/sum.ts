import { hash } from 'node:crypto'
import type { Digest } from '../../kit/index.ts'
import type { SeenFile } from '../records/project.ts'

/**
 * One number for a set of objects, by name, size and etag: the sum of their hashes. Order does not matter, and rows can be taken out and put
 * in without seeing the others.
 */
export interface RowSum {
  addRow(row: SeenFile): RowSum
  takeRow(row: SeenFile): RowSum
  /** Of other rows. */
  add(sum: Digest): RowSum
  take(sum: Digest): RowSum
  digest(): Digest
}

const words = 8

/** Of no rows yet. `under` tells sums apart that hold under different rules. */
export function rowSum(under?: Digest): RowSum {
  // Sums of 32-bit words stay exact in a double for the first two million rows.
  const sums = new Float64Array(words)
  const apply = (bytes: Buffer, sign: 1 | -1) => {
    for (let at = 0; at < words; at++) sums[at]! += sign * bytes.readUInt32LE(at * 4)
    return sum
  }
  const sum: RowSum = {
    addRow: (row) => apply(hashOf(row), 1),
    takeRow: (row) => apply(hashOf(row), -1),
    add: (digest) => apply(bytesIn(digest), 1),
    take: (digest) => apply(bytesIn(digest), -1),
    digest() {
      const bytes = Buffer.alloc(words * 4)
      let carry = 0
      for (let at = 0; at < words; at++) {
        const word = sums[at]! + carry
        carry = Math.floor(word / 2 ** 32)
        bytes.writeUInt32LE(word - carry * 2 ** 32, at * 4)
      }
      return `sha256:${bytes.toString('hex')}`
    },
  }
  return under === undefined ? sum : sum.add(under)
}

function bytesIn(digest: Digest): Buffer {
  return Buffer.from(digest.slice('sha256:'.length), 'hex')
}

function hashOf({ name, size, etag }: SeenFile): Buffer {
  return hash('sha256', `${size} ${JSON.stringify(etag)} ${name}`, 'buffer')
}
