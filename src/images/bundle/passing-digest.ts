import { type Digest, Fault, hasher } from '../../kit/index.ts'
import { type RangedSource, readAhead } from '../../kit/zip/index.ts'

/** The digest of a whole artifact, from the parts of it that are read for something else, in their order, and all that lies between. */
export interface PassingDigest {
  /** Shows a part. What lies before it and was not shown is read; what was shown already counts once. */
  see(start: number, piece: Uint8Array): Promise<void>
  /** Reads what is left. Throws `corrupt` where the artifact is another one. */
  check(): Promise<void>
}

export function passingDigest(source: RangedSource, expected: Digest, signal: AbortSignal | undefined): PassingDigest {
  const state = hasher()
  let seen = 0
  const catchUp = async (end: number) => {
    if (end === seen) return
    for await (const piece of readAhead(source, { start: seen, end, signal })) {
      state.update(piece)
      seen += piece.byteLength
    }
  }
  return {
    async see(start, piece) {
      const end = start + piece.byteLength
      if (end <= seen) return
      if (start > seen) await catchUp(start)
      state.update(piece.subarray(seen - start))
      seen = end
    },
    async check() {
      await catchUp(source.size)
      const actual = state.digest()
      if (actual === expected) return
      throw new Fault('corrupt', `expected ${expected}, got ${actual}: the artifact is not what its run made`, {
        at: source.name,
        hint: 'no tag was moved: run it again, and build it again if that does not help',
      })
    },
  }
}
