import type { Transform } from 'node:stream'
import { freeRoom } from './bytes.ts'

/** A decoder of node:zlib. */
export interface Decoder extends Transform {
  /** Bytes that it has taken. */
  readonly bytesWritten: number
}

/**
 * What a decoder makes of `first` and all that follows it in the source, until the decoder has its end. Gives back what it did not take of the
 * last piece that it was given, of which the source may have more. Throws what the source throws, and what the decoder does.
 *
 * A piece of the source is not looked at when the next one is asked for; where decoding ends early, a thread may look at the last one for a
 * while. A piece that is given is gone when the next one is asked for: `Bytes` says the same.
 */
export async function* decode(
  decoder: Decoder,
  source: AsyncIterator<Uint8Array>,
  first: Uint8Array,
): AsyncGenerator<Uint8Array, Uint8Array> {
  const state: Feeding = { piece: first, before: 0 }
  const fed = feed(decoder, source, state)
  try {
    for await (const piece of decoder as AsyncIterable<Uint8Array>) {
      yield piece
      const { buffer, byteOffset, byteLength } = piece
      // A room that is filled to its end the decoder writes to no more, and who asks for more is done with it.
      if (byteOffset + byteLength === buffer.byteLength) freeRoom(buffer)
    }
  } catch (error) {
    throw state.failure === undefined ? error : state.failure.error
  } finally {
    decoder.destroy()
    await fed
  }
  if (state.failure !== undefined) throw state.failure.error
  return state.piece.subarray(decoder.bytesWritten - state.before)
}

interface Feeding {
  piece: Uint8Array
  /** Bytes that were given before this piece. */
  before: number
  failure?: { readonly error: unknown }
}

/** Gives the decoder one piece after another until it has ended or the source has. */
async function feed(decoder: Decoder, source: AsyncIterator<Uint8Array>, state: Feeding): Promise<void> {
  const closed = new Promise<'closed'>((resolve) => void decoder.once('close', () => resolve('closed')))
  try {
    for (;;) {
      const written = new Promise<'written'>((resolve) => void decoder.write(state.piece, () => resolve('written')))
      await Promise.race([written, closed])
      const given = state.before + state.piece.byteLength
      // What it left of a piece stands behind its end.
      const isAtEnd = decoder.bytesWritten < given
      if (decoder.destroyed || decoder.readableEnded || isAtEnd) return
      const next = await source.next()
      state.before = given
      state.piece = next.done === true ? new Uint8Array() : next.value
      if (next.done !== true) continue
      decoder.end()
      return
    }
  } catch (error) {
    state.failure = { error }
    decoder.destroy()
  }
}
