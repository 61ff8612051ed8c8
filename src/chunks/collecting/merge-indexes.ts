import { bytesOf, type Digest, digestOf, isFault } from '../../kit/index.ts'
import { type ObjectStore, readAll, type Signal } from '../../store/index.ts'
import {
  digestOfIndexKey,
  encodeIndex,
  indexKey,
  type GonePack,
  type IndexedPack,
  indexPrefix,
  maxIndexBytes,
  parseIndex,
} from '../indexes/codec.ts'

/** As many index objects are no burden. */
const tolerated = 24
/** Bytes after which a merged index is closed. */
const indexBytes = 64 << 20
/** Milliseconds that a pack is called gone: as long as a merge that has slept may bring back an old index. */
const remembered = 30 * 86_400_000

/**
 * Makes few indexes of many, without packs that are gone. New ones are there before old ones go, so that it may be killed anywhere, and
 * run beside other merges and writers: what both merge is there twice, which does no harm. True where it did something.
 */
export async function mergeIndexes(store: ObjectStore, now: number, { signal }: Signal): Promise<boolean> {
  const old: Digest[] = []
  for await (const { key } of store.list(indexPrefix, { signal })) {
    const digest = digestOfIndexKey(key)
    if (digest !== undefined) old.push(digest)
  }
  if (old.length <= tolerated) return false
  const packs = new Map<Digest, IndexedPack>()
  const gone = new Map<Digest, GonePack>()
  for (const digest of old) {
    const key = indexKey(digest)
    try {
      const { bytes } = await readAll(store, key, { limit: maxIndexBytes, signal })
      // A damaged one is for verify to mend: then all stay.
      if (digestOf(bytes) !== digest) return false
      const found = parseIndex(bytes, `${store.name}/${key}`)
      for (const pack of found.packs) packs.set(pack.id, pack)
      for (const pack of found.gone) gone.set(pack.id, pack)
    } catch (error) {
      if (isFault(error, 'not-found')) return false
      throw error
    }
  }
  const made = await writeMerged(
    store,
    [...packs.values()].filter(({ id }) => !gone.has(id)),
    [...gone.values()].filter(({ at }) => now - at < remembered),
    signal,
  )
  for (const digest of old) if (!made.has(digest)) await store.delete(indexKey(digest), { signal })
  return true
}

async function writeMerged(
  store: ObjectStore,
  packs: readonly IndexedPack[],
  gone: readonly GonePack[],
  signal: AbortSignal | undefined,
): Promise<Set<Digest>> {
  const made = new Set<Digest>()
  let part: IndexedPack[] = []
  let size = 0
  const write = async (tombs: readonly GonePack[]) => {
    const bytes = encodeIndex({ packs: part, gone: tombs })
    const digest = digestOf(bytes)
    await store.put(indexKey(digest), bytesOf(bytes), { digest, signal })
    made.add(digest)
    part = []
    size = 0
  }
  for (const pack of packs) {
    part.push(pack)
    size += pack.contents.trailer.byteLength
    if (size >= indexBytes) await write([])
  }
  await write(gone)
  return made
}
