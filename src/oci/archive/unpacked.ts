import { Fault } from '../../kit/index.ts'
import { formOf, inflate } from './inflate.ts'

/**
 * The bytes without their compression, if they have one: gzip or zstd, as their first bytes say. Throws `corrupt` where they are damaged, end
 * early or inflate to more than `limit` bytes, and `unsupported` for xz and bzip2.
 */
export async function* unpacked(bytes: AsyncIterable<Uint8Array>, limit: number): AsyncGenerator<Uint8Array> {
  const source = bytes[Symbol.asyncIterator]()
  try {
    const { head, pieces } = await peekPieces({ next: () => source.next() })
    const form = formOf(head)
    if (form === 'xz' || form === 'bzip2') {
      throw new Fault('unsupported', `the archive is packed with ${form}`, { hint: `unpack it first, or pack it with gzip or zstd` })
    }
    yield* inflate({ [Symbol.asyncIterator]: () => pieces }, form, limit)
  } finally {
    await source.return?.()
  }
}

export interface Peeked {
  /** The first 512 bytes, or all there are. */
  readonly head: Uint8Array
  /** From the first byte. */
  readonly pieces: AsyncIterator<Uint8Array>
}

export async function peekPieces(source: AsyncIterator<Uint8Array>): Promise<Peeked> {
  let first: Uint8Array = new Uint8Array()
  while (first.byteLength < 512) {
    const next = await source.next()
    if (next.done === true) break
    first = first.byteLength === 0 && next.value.byteLength >= 512 ? next.value : Buffer.concat([first, next.value])
  }
  let isGiven = false
  const pieces: AsyncIterator<Uint8Array> = {
    async next() {
      if (isGiven || first.byteLength === 0) return await source.next()
      isGiven = true
      return { done: false, value: first }
    },
  }
  return { head: first.subarray(0, 512), pieces }
}
