import { type Digest, type Fault, type Report, silent } from '../kit/index.ts'
import type { ObjectStore, Signal } from '../store/index.ts'
import { idOf } from './chunk.ts'
import type { ChunkLocation, ChunkReader } from './chunk-store.ts'
import { listCondemned } from './condemned.ts'
import { directoryCache, type IndexCache, noCache } from './indexes/cache.ts'
import { type ChunkIndex, createChunkIndex } from './indexes/chunk-index.ts'
import { createIndexLoader } from './indexes/load.ts'
import { digestOfPackKey } from './pack/pack.ts'
import { createHands } from './hands/hands.ts'
import { compareWithChunks, placeChunks } from './placing/place.ts'
import { createBlockReader } from './reading/blocks.ts'
import { openWith } from './reading/openers.ts'
import { readChunk, readChunks } from './reading/reader.ts'

/** What is in the packs of a store: its indexes in memory, and how to read by them. Writes nothing but its cache. */
export interface Contents extends ChunkReader {
  readonly index: ChunkIndex
  readonly cache: IndexCache
  /** Index objects that cannot be read, by key. */
  readonly damagedIndexes: ReadonlyMap<string, Fault>
}

export interface ContentsOptions extends Signal {
  readonly cache?: string | undefined
  readonly threads: number
  readonly report?: Report | undefined
}

/** The indexes are read by the first `refresh`. */
export function openContents(store: ObjectStore, options: ContentsOptions): Contents {
  const report = options.report ?? silent
  const cache = options.cache === undefined ? noCache : directoryCache(options.cache, report)
  const index = createChunkIndex()
  const loader = createIndexLoader(store, index, cache)
  const hands = createHands(options.threads)
  const blocks = createBlockReader(store, openWith(hands, index))

  const refresh = async (refreshing: Signal = {}) => {
    // In this order: a pack leaves the condemned list only after an index has declared it gone.
    const condemned = await listCondemned(store, refreshing)
    const before = loader.damaged.size
    await loader.refresh(refreshing)
    index.condemn(new Set(condemned.flatMap(({ record }) => Object.keys(record.keys).flatMap((key) => digestOfPackKey(key) ?? []))))
    for (const { at, message } of [...loader.damaged.values()].slice(before)) {
      report({ kind: 'note', level: 'warning', text: `${at}: ${message}; what it tells of is treated as missing until it is repaired` })
    }
  }
  const parts = { store, index, blocks, refresh, hands }
  return {
    store,
    index,
    cache,
    damagedIndexes: loader.damaged,
    has(digest) {
      const entry = index.find(idOf(digest))
      return entry !== -1 && index.isReliable(entry)
    },
    locate: (digest) => locate(index, digest),
    read: (digest, reading = {}) => readChunk(parts, digest, reading),
    readMany: (ids, reading = {}) => readChunks(parts, ids, reading),
    place: (placements, placing = {}) => placeChunks(parts, placements, placing),
    compare: (fd, supposed) => compareWithChunks(hands, fd, supposed),
    refresh,
    close: () => hands.close(),
  }
}

function locate(index: ChunkIndex, digest: Digest): ChunkLocation | undefined {
  const entry = index.find(idOf(digest))
  if (entry === -1) return undefined
  const place = index.placeOf(entry)
  return {
    pack: place.pack.id,
    kind: index.kindAt(entry),
    blockOffset: place.offset,
    blockStored: place.stored,
    blockPlain: place.plain,
    offset: index.offsetOf(entry, place),
    length: index.lengthAt(entry),
    isCondemned: place.pack.isCondemned,
  }
}
