import { type Digest, digestOf, Fault, isFault } from '../../kit/index.ts'
import { type ObjectStore, readAll, type Signal } from '../../store/index.ts'
import type { IndexCache } from './cache.ts'
import type { ChunkIndex } from './chunk-index.ts'
import { digestOfIndexKey, indexKey, indexPrefix, maxIndexBytes, parseIndex } from './codec.ts'

export interface IndexLoader {
  /** Takes in what has come since. Indexes that are damaged are left out, and told. */
  refresh(options?: Signal): Promise<void>
  readonly damaged: ReadonlyMap<string, Fault>
}

const tries = 50

/**
 * Reads index objects into memory, each once. Whoever relies on what it says about packs reads the condemned list before: a pack is
 * declared gone in an index before it leaves that list.
 */
export function createIndexLoader(store: ObjectStore, index: ChunkIndex, cache: IndexCache): IndexLoader {
  const loaded = new Set<Digest>()
  const damaged = new Map<string, Fault>()

  const load = async (digest: Digest, key: string, signal: AbortSignal | undefined) => {
    const at = `${store.name}/${key}`
    const copy = await cache.read(digest)
    const bytes = copy ?? (await readAll(store, key, { limit: maxIndexBytes, signal })).bytes
    try {
      if (copy === undefined && digestOf(bytes) !== digest) throw new Fault('corrupt', 'the index does not match its digest', { at })
      const { packs, gone } = parseIndex(bytes, at)
      for (const { id, contents } of packs) index.add(id, contents)
      for (const { id } of gone) index.markGone(id)
    } catch (error) {
      if (!isFault(error, 'corrupt')) throw error
      damaged.set(key, error)
    }
    loaded.add(digest)
    if (copy === undefined && !damaged.has(key)) await cache.write(digest, bytes)
  }
  /** What the list shows, all of it loaded; undefined where an index went while they were read: it has been merged into another. */
  const loadListed = async (signal: AbortSignal | undefined): Promise<Set<Digest> | undefined> => {
    const listed = new Set<Digest>()
    for await (const { key } of store.list(indexPrefix, { signal })) {
      const digest = digestOfIndexKey(key)
      if (digest !== undefined) listed.add(digest)
    }
    for (const digest of listed) {
      if (loaded.has(digest)) continue
      try {
        await load(digest, indexKey(digest), signal)
      } catch (error) {
        if (isFault(error, 'not-found')) return undefined
        throw error
      }
    }
    return listed
  }
  return {
    damaged,
    async refresh({ signal } = {}) {
      // A list is no moment in time: it may miss an index that was merged away as well as the one that it was merged into. A second list
      // that begins when the first has ended sees the latter, unless it was merged away too; then something of the first is missing.
      let before: Set<Digest> | undefined
      for (let attempt = 0; attempt < tries; attempt++) {
        const listed = await loadListed(signal)
        if (before !== undefined && listed !== undefined && [...before].every((digest) => listed.has(digest))) {
          return await cache.keepOnly(listed)
        }
        before = listed
      }
      throw new Fault('busy', `the indexes were merged ${tries} times while they were read`, { at: `${store.name}/${indexPrefix}` })
    },
  }
}
