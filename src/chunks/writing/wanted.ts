import { idBytes } from '../chunk.ts'
import type { ChunkIndex } from '../indexes/chunk-index.ts'
import { chunkEntryBytes, type PackContents } from '../pack/trailer.ts'

/** Decides which chunks are to be stored: each one that is not known and that nobody in this session is storing. */
export interface Wanted {
  /** True once for each new id. */
  want(ids: Uint8Array, offset: number, length: number): boolean
  isKnown(id: Uint8Array, offset?: number): boolean
  /** Chunks of a pack that is stored now: the index knows them. */
  stored(contents: PackContents): void
  readonly added: number
  readonly known: number
  /** Plain bytes of what was added. */
  readonly addedBytes: number
}

export function createWanted(index: ChunkIndex): Wanted {
  const pending = new Set<string>()
  const counts = { added: 0, known: 0, addedBytes: 0 }
  const nameOf = (bytes: Uint8Array, offset: number) => Buffer.from(bytes.buffer, bytes.byteOffset + offset, idBytes).toString('latin1')
  const isIndexed = (bytes: Uint8Array, offset: number) => {
    const entry = index.find(bytes, offset)
    return entry !== -1 && index.isReliable(entry)
  }
  return {
    want(ids, offset, length) {
      const name = nameOf(ids, offset)
      if (pending.has(name) || isIndexed(ids, offset)) {
        counts.known++
        return false
      }
      pending.add(name)
      counts.added++
      counts.addedBytes += length
      return true
    },
    isKnown: (id, offset = 0) => isIndexed(id, offset) || pending.has(nameOf(id, offset)),
    stored({ trailer, chunksAt }) {
      for (let at = chunksAt; at < trailer.byteLength; at += chunkEntryBytes) pending.delete(nameOf(trailer, at))
    },
    get added() {
      return counts.added
    },
    get known() {
      return counts.known
    },
    get addedBytes() {
      return counts.addedBytes
    },
  }
}
