import type { Hands } from '../hands/hands.ts'
import type { ChunkIndex } from '../indexes/chunk-index.ts'
import type { OpenBlock } from './blocks.ts'

/** Decompresses and checks blocks with those hands. */
export function openWith(hands: Hands, index: ChunkIndex): OpenBlock {
  return (stored, place, at) =>
    hands.run('open', place.plain, (travels) => {
      // Its own copy: the bytes are a part of what one request brought, which would travel whole.
      const bytes = travels ? stored.bytes.slice() : stored.bytes
      const chunks = index.chunksOf(place)
      return {
        task: { stored: { ...stored, bytes }, plain: place.plain, chunks, at },
        given: [bytes.buffer as ArrayBuffer, chunks.buffer as ArrayBuffer],
      }
    })
}
