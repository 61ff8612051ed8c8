import { MiB, mostParts } from './settings.ts'

export interface Part {
  /** From 1, as S3 counts. */
  readonly number: number
  readonly bytes: Uint8Array
  readonly last: boolean
}

/** The size of each part of a body: the least multiple of 1 MiB from `smallest` on that needs at most 10,000 parts. */
export function partSizeFor(length: number, smallest: number): number {
  return Math.max(smallest, Math.ceil(length / mostParts / MiB) * MiB)
}

/** How large each part is. Where the length is not known, parts double after every thousand, so that 10,000 always do. */
export function partSizes(length: number | undefined, smallest: number): (number: number) => number {
  if (length === undefined) return (number) => smallest * 2 ** Math.floor((number - 1) / 1000)
  const size = partSizeFor(length, smallest)
  return (number) => Math.max(1, Math.min(size, length - (number - 1) * size))
}

/** The source in parts, each in memory of its own. The last is given only after the source has ended well; an empty source has one empty part. */
export async function* cutParts(source: AsyncIterable<Uint8Array>, sizeOf: (number: number) => number): AsyncGenerator<Part> {
  let number = 1
  let bytes = Buffer.allocUnsafeSlow(sizeOf(number))
  let filled = 0
  for await (const piece of source) {
    for (let rest = piece; rest.byteLength > 0;) {
      if (filled === bytes.byteLength) {
        yield { number, bytes, last: false }
        bytes = Buffer.allocUnsafeSlow(sizeOf(++number))
        filled = 0
      }
      const taken = rest.subarray(0, bytes.byteLength - filled)
      bytes.set(taken, filled)
      filled += taken.byteLength
      rest = rest.subarray(taken.byteLength)
    }
  }
  yield { number, bytes: bytes.subarray(0, filled), last: true }
}
