import { Fault } from '../../kit/index.ts'

/**
 * The same bytes, in pieces that no frame reaches out of: Node's zstd loses what follows a frame in a piece, and
 * takes some frames that end early for whole (24.21). Throws `corrupt` for what is no frame of RFC 8878, 3.1, or ends early.
 */
export async function* zstdFrames(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let state = between
  /** Bytes of the part that passes now, before the next header. */
  let left = 0
  let header = Buffer.alloc(0)
  for await (const piece of pieces) {
    let start = 0
    for (let at = 0; at < piece.byteLength;) {
      if (left > 0) {
        const taken = Math.min(left, piece.byteLength - at)
        left -= taken
        at += taken
      } else {
        header = Buffer.concat([header, piece.subarray(at, at + 1)])
        at += 1
        const next = state.read(header)
        if (next === undefined) continue
        header = Buffer.alloc(0)
        left = next.skips
        state = next.state
      }
      if (left === 0 && header.byteLength === 0 && state === between) {
        yield piece.subarray(start, at)
        start = at
      }
    }
    if (start < piece.byteLength) yield piece.subarray(start)
  }
  if (left > 0 || header.byteLength > 0 || state !== between) throw new Fault('corrupt', 'the zstd data ends early')
}

/** Where in a frame; takes a header byte by byte until it is whole, and says what follows it. */
interface State {
  read(header: Buffer): { readonly skips: number; readonly state: State } | undefined
}

const between: State = {
  read(header) {
    if (header.byteLength < 4) return undefined
    const magic = header.readUInt32LE()
    if (magic === 0xfd2fb528) return { skips: 0, state: descriptor }
    if (magic >>> 4 === 0x184d2a5) return { skips: 0, state: skippable }
    throw new Fault('corrupt', 'the zstd data is damaged: no frame begins where one should')
  },
}

const skippable: State = { read: (header) => (header.byteLength < 4 ? undefined : { skips: header.readUInt32LE(), state: between }) }

/** Frame_Header_Descriptor: how long the rest of the header is, and whether a checksum ends the frame. */
const descriptor: State = {
  read(header) {
    const flags = header[0]!
    const isSingle = (flags & 0x20) !== 0
    const contentSize = [isSingle ? 1 : 0, 2, 4, 8][flags >> 6]!
    const dictionary = [0, 1, 2, 4][flags & 3]!
    return { skips: contentSize + dictionary + (isSingle ? 0 : 1), state: (flags & 4) === 0 ? blocks : blocksAndChecksum }
  },
}

const blocks: State = blocksThen(0)
const blocksAndChecksum: State = blocksThen(4)

function blocksThen(checksum: number): State {
  const state: State = {
    read(header) {
      if (header.byteLength < 3) return undefined
      const value = header.readUIntLE(0, 3)
      // A block of one repeated byte has a size that is not its length here.
      const size = ((value >> 1) & 3) === 1 ? 1 : value >> 3
      const isLast = (value & 1) === 1
      return { skips: isLast ? size + checksum : size, state: isLast ? between : state }
    },
  }
  return state
}
