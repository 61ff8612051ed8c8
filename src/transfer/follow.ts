import { type Digest, Fault, hasher, pieceSize } from '../kit/index.ts'

/** A digest that follows writers who fill a file out of order: pieces at its head are hashed as they go by, the others are read back. */
export interface Follower {
  /** The piece is written; each range is filled from its start on. */
  wrote(position: number, piece: Uint8Array): void
  /** Hashes whatever stands from the head on without a gap. */
  catchUp(): Promise<void>
  /** The digest of the whole, which is written. */
  digest(): Promise<Digest>
}

export interface FollowOptions {
  readonly size: number
  readonly rangeBytes: number
  /** Ranges that are written already. */
  readonly finished: ReadonlySet<number>
  read(position: number, into: Uint8Array): Promise<number>
}

export function follow(options: FollowOptions): Follower {
  const { size, rangeBytes } = options
  const state = hasher()
  const ends = new Map<number, number>()
  for (const range of options.finished) ends.set(range, Math.min((range + 1) * rangeBytes, size))
  let head = 0
  let catching: Promise<void> | undefined

  const endAtHead = () => ends.get(Math.floor(head / rangeBytes)) ?? 0
  const readBack = async () => {
    const buffer = new Uint8Array(pieceSize)
    while (head < endAtHead()) {
      const length = await options.read(head, buffer.subarray(0, Math.min(buffer.byteLength, endAtHead() - head)))
      if (length === 0) throw new Fault('unavailable', 'the file became shorter while it was written', { hint: 'run it again' })
      state.update(buffer.subarray(0, length))
      head += length
    }
  }
  const catchUp = async () => {
    catching ??= readBack().finally(() => {
      catching = undefined
    })
    await catching
  }
  return {
    wrote(position, piece) {
      const end = position + piece.byteLength
      ends.set(Math.floor(position / rangeBytes), end)
      // What is being read back begins at the head and is written: no piece can come to the head meanwhile.
      if (position !== head) return
      state.update(piece)
      head = end
    },
    catchUp,
    async digest() {
      await catchUp()
      if (head !== size) throw new Fault('bug', `${head} of ${size} bytes were hashed`)
      return state.digest()
    },
  }
}
