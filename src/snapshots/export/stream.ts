import { Readable, type Transform, pipeline } from 'node:stream'
import type { Piece } from './content.ts'

const fullBytes = 256 << 10
const zeros = new Uint8Array(fullBytes)

/** The same bytes in pieces of one size, each its own memory. */
export async function* gathered(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let buffer = Buffer.allocUnsafe(fullBytes)
  let at = 0
  for await (const piece of source) {
    for (let from = 0; from < piece.byteLength;) {
      const taken = piece.subarray(from, from + fullBytes - at)
      buffer.set(taken, at)
      from += taken.byteLength
      at += taken.byteLength
      if (at < fullBytes) continue
      yield buffer
      buffer = Buffer.allocUnsafe(fullBytes)
      at = 0
    }
  }
  if (at > 0) yield buffer.subarray(0, at)
}

/** What comes out of a compressor. A failure of the source is thrown as it was. */
export async function* through(source: AsyncIterable<Uint8Array>, transform: Transform): AsyncGenerator<Uint8Array> {
  // The error reaches whoever reads the transform.
  pipeline(Readable.from(source, { objectMode: false }), transform, () => undefined)
  for await (const piece of transform) yield piece as Uint8Array
}

/** Holes as zeros. */
export async function* filled(pieces: AsyncIterable<Piece>): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    if (piece instanceof Uint8Array) yield piece
    else yield* zeroBytes(piece.hole)
  }
}

export function* zeroBytes(count: number): Generator<Uint8Array> {
  for (let left = count; left > 0; left -= fullBytes) yield left >= fullBytes ? zeros : zeros.subarray(0, left)
}
