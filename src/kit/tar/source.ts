import { Fault } from '../fault.ts'
import { blockBytes } from './header.ts'

/** The archive's bytes, taken from the front. Everything that is asked for and not there any more is `corrupt`. */
export interface TarSource {
  /** Bytes that were taken. */
  position(): number
  /** 512 bytes; undefined at the end, if the archive may end here. */
  block(mayEnd: boolean): Promise<Buffer | undefined>
  /** That many bytes, to keep. */
  bytes(size: number): Promise<Buffer>
  content(size: number): AsyncIterable<Uint8Array> & { skip(): Promise<void> }
  /** Skips to the next whole block, after content of that size. */
  pad(size: number): Promise<void>
  close(): Promise<void>
}

const none = new Uint8Array(0)

export function createSource(bytes: AsyncIterable<Uint8Array>): TarSource {
  const iterator = bytes[Symbol.asyncIterator]()
  let piece: Uint8Array = none
  let hasEnded = false
  let position = 0

  /** At most that many bytes, in a view of the source's; undefined at the end. */
  const take = async (most: number): Promise<Uint8Array | undefined> => {
    while (piece.byteLength === 0) {
      const next = hasEnded ? undefined : await iterator.next()
      if (next === undefined || next.done === true) {
        hasEnded = true
        return undefined
      }
      piece = next.value
    }
    const taken = piece.subarray(0, most)
    piece = piece.subarray(taken.byteLength)
    position += taken.byteLength
    return taken
  }

  const fill = async (size: number): Promise<Buffer> => {
    const whole = Buffer.alloc(size)
    let at = 0
    while (at < size) {
      const taken = await take(size - at)
      if (taken === undefined) return whole.subarray(0, at)
      whole.set(taken, at)
      at += taken.byteLength
    }
    return whole
  }

  return {
    position: () => position,
    async block(mayEnd) {
      const block = await fill(blockBytes)
      if (block.byteLength === blockBytes) return block
      if (block.byteLength === 0 && mayEnd) return undefined
      throw endsEarly()
    },
    async bytes(size) {
      const whole = await fill(size)
      if (whole.byteLength < size) throw endsEarly()
      return whole
    },
    content: (size) => contentOf(take, size),
    async pad(size) {
      const pad = contentOf(take, (blockBytes - (size % blockBytes)) % blockBytes)
      await pad.skip()
    },
    async close() {
      if (!hasEnded) await iterator.return?.()
    },
  }
}

function contentOf(
  take: (most: number) => Promise<Uint8Array | undefined>,
  size: number,
): AsyncIterable<Uint8Array> & { skip(): Promise<void> } {
  let left = size
  const next = async (): Promise<Uint8Array | undefined> => {
    if (left === 0) return undefined
    const taken = await take(left)
    if (taken === undefined) throw endsEarly()
    left -= taken.byteLength
    return taken
  }
  return {
    async skip() {
      while ((await next()) !== undefined);
    },
    async *[Symbol.asyncIterator]() {
      for (let piece = await next(); piece !== undefined; piece = await next()) yield piece
    },
  }
}

function endsEarly(): Fault {
  return new Fault('corrupt', 'the archive ends early')
}
