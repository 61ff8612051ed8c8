import { hash } from 'node:crypto'

/** The gear table: number i is the first four bytes, least significant first, of the SHA-256 of the ASCII text `holdfast-gear/i`. */
export function gearTable(): Int32Array {
  return Int32Array.from({ length: 256 }, (_, index) => hash('sha256', `holdfast-gear/${index}`, 'buffer').readInt32LE(0))
}
