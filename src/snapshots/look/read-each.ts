import type { ChunkReader } from '../../chunks/index.ts'
import { type Digest, type Fault, isFault } from '../../kit/index.ts'
import type { Signal } from '../../store/index.ts'

export interface ReadEach {
  readonly id: Digest
  /** Verified bytes, or why there are none: damaged or missing. */
  readonly bytes: Uint8Array | Fault
}

/** Each of the chunks, in the order in which they lie in packs. One that is damaged or missing does not keep the others from being read. */
export async function* readEach(chunks: ChunkReader, ids: readonly Digest[], options: Signal = {}): AsyncGenerator<ReadEach> {
  const ordered = inOrderOfPacks(chunks, ids)
  let at = 0
  while (at < ordered.length) {
    try {
      for await (const found of chunks.readMany(ordered.slice(at), options)) {
        yield found
        at++
      }
    } catch (error) {
      if (!isFault(error, 'corrupt') && !isFault(error, 'not-found')) throw error
      yield { id: ordered[at]!, bytes: error }
      at++
    }
  }
}

function inOrderOfPacks(chunks: ChunkReader, ids: readonly Digest[]): Digest[] {
  const placed = ids.map((id) => ({ id, place: chunks.locate(id) }))
  placed.sort(({ place: a }, { place: b }) => {
    if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? 1 : -1
    return a.pack === b.pack ? a.blockOffset - b.blockOffset || a.offset - b.offset : a.pack < b.pack ? -1 : 1
  })
  return placed.map(({ id }) => id)
}
