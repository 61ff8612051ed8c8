import { type Digest, Fault, silent } from '../kit/index.ts'
import type { ObjectStore, Signal } from '../store/index.ts'
import { idOf } from './chunk.ts'
import type { ChunkStore, ChunkStoreOptions, WriterOptions } from './chunk-store.ts'
import { listCondemned } from './condemned.ts'
import { directoryCache, type IndexCache, noCache } from './indexes/cache.ts'
import { type ChunkIndex, createChunkIndex } from './indexes/chunk-index.ts'
import { createIndexLoader } from './indexes/load.ts'
import { usualThreads } from './ingest/lanes.ts'
import { takeLease } from './lease.ts'
import { digestOfPackKey } from './pack/pack.ts'
import { ensureParameters } from './parameters.ts'
import { createBlockReader } from './reading/blocks.ts'
import { createOpeners } from './reading/openers.ts'
import { readChunk, readChunks } from './reading/reader.ts'
import { createSession } from './writing/session.ts'

/** A chunk store as this room sees it: what collecting, verifying and repairing work on. */
export interface OpenChunkStore extends ChunkStore {
  readonly index: ChunkIndex
  readonly cache: IndexCache
  /** Index objects that cannot be read, by key. */
  readonly damagedIndexes: ReadonlyMap<string, Fault>
}

/**
 * Opens the chunks of a holdfast store, which is made where there is none: fixes or reads its parameters, and reads its indexes.
 * Throws `unsupported` where the store is of another version, or cuts in another way.
 */
export async function openChunkStore(store: ObjectStore, options: ChunkStoreOptions): Promise<OpenChunkStore> {
  const { clock, random, report = silent } = options
  const { id, parameters } = await ensureParameters(store, { now: clock.now(), random, wanted: options.parameters, signal: options.signal })
  const cache = options.cache === undefined ? noCache : directoryCache(options.cache, report)
  const index = createChunkIndex()
  const loader = createIndexLoader(store, index, cache)
  const threads = options.workers ?? usualThreads()
  const openers = createOpeners(index, threads)
  const blocks = createBlockReader(store, openers.open)
  let isWriting = false

  const refresh = async (refreshing: Signal = {}) => {
    // In this order: a pack leaves the condemned list only after an index has declared it gone.
    const condemned = await listCondemned(store, refreshing)
    const before = loader.damaged.size
    await loader.refresh(refreshing)
    index.condemn(new Set(condemned.flatMap(({ record }) => Object.keys(record.keys).flatMap((key) => digestOfPackKey(key) ?? []))))
    if (loader.damaged.size > before) tellDamaged([...loader.damaged.values()].slice(before))
  }
  const tellDamaged = (damage: readonly Fault[]) => {
    for (const { at, message } of damage) {
      report({ kind: 'note', level: 'warning', text: `${at}: ${message}; what it tells of is treated as missing until it is repaired` })
    }
  }
  await refresh({ signal: options.signal })

  const parts = { store, index, blocks, refresh }
  return {
    store,
    id,
    parameters,
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
    refresh,
    async startWriter({ by, signal }: WriterOptions) {
      if (isWriting) throw new Fault('bug', 'a chunk store has one writing session at a time')
      isWriting = true
      try {
        const lease = await takeLease(store, { clock, random, by, signal })
        await refresh({ signal })
        const onEnd = () => void (isWriting = false)
        return createSession({ store, parameters, index, lease, remember: cache.write, threads, signal, onEnd })
      } catch (error) {
        isWriting = false
        throw error
      }
    },
    close: () => openers.close(),
  }
}

function locate(index: ChunkIndex, digest: Digest): ReturnType<ChunkStore['locate']> {
  const entry = index.find(idOf(digest))
  if (entry === -1) return undefined
  const place = index.placeOf(entry)
  return {
    pack: place.pack.id,
    kind: index.kindAt(entry),
    blockOffset: place.offset,
    offset: index.offsetOf(entry, place),
    length: index.lengthAt(entry),
    isCondemned: place.pack.isCondemned,
  }
}
