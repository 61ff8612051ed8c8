import { bytesFrom, bytesOf, type Digest, digestOf, pieceSize } from '../../kit/index.ts'
import type { ObjectStore, Signal } from '../../store/index.ts'
import type { ChunkIndex } from '../indexes/chunk-index.ts'
import { encodeIndex, type GonePack, type IndexedPack, indexKey } from '../indexes/codec.ts'
import { freeNow } from '../pack/block.ts'
import { type Pack, packKey } from '../pack/pack.ts'
import { type PackContents, parseTrailer } from '../pack/trailer.ts'
import { createTurns } from '../reading/turns.ts'

/** Where new packs go, and the indexes that tell of them. */
export interface PackSink {
  /** The pack is in the store, and known here; the memory of its blocks is given back. An index for others is written for every 32 packs, so that little is lost with a killed writer. */
  put(pack: Pack): Promise<void>
  /** Writes an index of all that has none yet, and of packs that are gone; nothing for nothing. */
  writeIndex(gone?: readonly GonePack[]): Promise<void>
  /** Bytes of packs and indexes. */
  readonly stored: number
  readonly packs: number
}

export interface PackSinkParts extends Signal {
  readonly store: ObjectStore
  readonly index: ChunkIndex
  /** Called before each request. */
  readonly check: () => Promise<void>
  /** Called for each pack that is in the store and known. */
  readonly onStored?: ((contents: PackContents) => void) | undefined
  /** Keeps a copy of an index that was written. */
  readonly remember: (digest: Digest, bytes: Uint8Array) => Promise<void>
}

const packsPerIndex = 32
/** Requests at once. */
const width = 4

export function createPackSink({ store, index, check, onStored, remember, signal }: PackSinkParts): PackSink {
  const turns = createTurns(width)
  let unindexed: IndexedPack[] = []
  let stored = 0
  let packs = 0

  const writeIndex = async (gone: readonly GonePack[] = []) => {
    const telling = unindexed
    unindexed = []
    if (telling.length === 0 && gone.length === 0) return
    const bytes = encodeIndex({ packs: telling, gone })
    const digest = digestOf(bytes)
    await check()
    await store.put(indexKey(digest), bytesOf(bytes), { digest, signal })
    stored += bytes.byteLength
    await remember(digest, bytes)
  }
  return {
    get stored() {
      return stored
    },
    get packs() {
      return packs
    },
    put: (pack) =>
      turns.run(async () => {
        await check()
        await store.put(packKey(pack.id), bytesOfPack(pack), { digest: pack.id, signal })
        stored += pack.size
        packs++
        for (const piece of pack.pieces) if (piece !== pack.trailer) freeNow(piece)
        const contents = parseTrailer(pack.trailer, packKey(pack.id))
        index.add(pack.id, contents)
        unindexed.push({ id: pack.id, contents })
        onStored?.(contents)
        if (unindexed.length >= packsPerIndex) await writeIndex()
      }),
    writeIndex,
  }
}

function bytesOfPack({ pieces, size }: Pack) {
  return bytesFrom(async function* () {
    for (const piece of pieces) for (let at = 0; at < piece.byteLength; at += pieceSize) yield piece.subarray(at, at + pieceSize)
  }, size)
}
