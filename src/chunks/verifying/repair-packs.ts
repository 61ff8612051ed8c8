import { bytesOf, type Clock, collect, type Digest, digestOf, Fault, isFault } from '../../kit/index.ts'
import type { ObjectStore, Signal } from '../../store/index.ts'
import { digestAt } from '../chunk.ts'
import type { ChunkReader } from '../chunk-store.ts'
import { openRewriter } from '../collecting/repack.ts'
import type { Contents } from '../contents.ts'
import type { ChunkIndex } from '../indexes/chunk-index.ts'
import type { KnownPack } from '../indexes/pack-table.ts'
import { encodeIndex, type IndexContents, type IndexedPack, indexKey } from '../indexes/codec.ts'
import { type Lease, takeLease } from '../lease.ts'
import { openChunkReader } from '../open-chunk-store.ts'
import { checkTrailer, digestOfPackKey, endBytes, maxPackBytes, packKey, parseEnd } from '../pack/pack.ts'
import { defaultParameters, readParameters } from '../parameters.ts'
import { checkPack } from './check-pack.ts'
import { putAside } from './put-aside.ts'
import { inspectPacks, type VerifyOptions } from './verify-packs.ts'

export interface RepairOptions extends VerifyOptions {
  readonly clock: Clock
  /** Who repairs: `user@host`. */
  readonly by: string
  /** Another store's chunks, where what is lost here may be whole. */
  readonly from?: ChunkReader | undefined
}

export interface Repaired {
  /** Packs that no index knew and that one knows again. */
  readonly indexed: number
  /** Chunks of damaged packs that were still whole, or whole in the other store: all in new packs now. */
  readonly saved: number
  readonly fetched: number
  /** Chunks that are nowhere. Storing the same content again brings them back. */
  readonly lost: readonly Digest[]
  /** Where what was damaged lies now. */
  readonly quarantined: readonly string[]
}

/**
 * Puts right what `verifyPacks` finds: packs without an index get one, from their own trailers; what is whole in damaged packs goes into new
 * ones, with what the other store has; then the damaged ones are declared gone and put aside. Runs beside writers, and may be killed anywhere.
 */
export async function repairPacks(store: ObjectStore, options: RepairOptions): Promise<Repaired> {
  const lease = await takeLease(store, options)
  try {
    const contents = await openChunkReader(store, options)
    try {
      return await repair(contents, lease, options)
    } finally {
      await contents.close()
    }
  } finally {
    await lease.release(options)
  }
}

async function repair(contents: Contents, lease: Lease, options: RepairOptions): Promise<Repaired> {
  const { store } = contents
  const { signal } = options
  const { strays, broken: firstBroken } = await inspectPacks(contents, { ...options, readData: 0 })
  const { indexed, unreadable } = await indexStrays(
    contents,
    strays.map(({ key }) => key),
    options,
  )
  // Only now all packs are known, and with them every copy of what is damaged.
  const { broken } = indexed === 0 && options.readData === 0 ? { broken: firstBroken } : await inspectPacks(contents, options)
  const saved = await saveChunks(contents, lease, broken, options)
  await lease.keep(options)
  await declareGone(
    store,
    broken.map(({ id }) => id),
    options,
  )
  const quarantined: string[] = []
  for (const key of [...broken.map(({ id }) => packKey(id)), ...unreadable, ...contents.damagedIndexes.keys()]) {
    const aside = await putAside(store, key, { signal })
    if (aside === undefined) continue
    await store.delete(key, { signal })
    quarantined.push(aside)
  }
  return { indexed, ...saved, quarantined }
}

/** Writes an index of packs that have none, as their trailers tell. Those that cannot tell are given back. */
async function indexStrays(
  { store, index }: Contents,
  keys: readonly string[],
  { signal }: Signal,
): Promise<{ readonly indexed: number; readonly unreadable: readonly string[] }> {
  const packs: IndexedPack[] = []
  const unreadable: string[] = []
  for (const key of keys) {
    try {
      packs.push({ id: digestOfPackKey(key)!, contents: await readTrailer(store, key, { signal }) })
    } catch (error) {
      if (isFault(error, 'corrupt')) unreadable.push(key)
      else if (!isFault(error, 'not-found')) throw error
    }
  }
  if (packs.length > 0) await putIndex(store, { packs, gone: [] }, { signal })
  for (const { id, contents } of packs) index.add(id, contents)
  return { indexed: packs.length, unreadable }
}

/** What a pack says of itself, in two requests. */
async function readTrailer(store: ObjectStore, key: string, { signal }: Signal) {
  const at = `${store.name}/${key}`
  const info = await store.head(key, { signal })
  if (info === undefined) throw new Fault('not-found', 'the pack is not there any more', { at })
  if (info.size < endBytes || info.size > maxPackBytes) throw new Fault('corrupt', `no pack has ${info.size} bytes`, { at })
  const readRange = async (start: number, end: number) =>
    await collect(await store.get(key, { range: { start, end }, signal }), end - start)
  const { trailerBytes, digest } = parseEnd(await readRange(info.size - endBytes, info.size), info.size, at)
  return checkTrailer(await readRange(info.size - endBytes - trailerBytes, info.size - endBytes), digest, info.size, at)
}

/** Brings into new packs whatever of the broken ones is needed and can be had. */
async function saveChunks(
  contents: Contents,
  lease: Lease,
  broken: readonly KnownPack[],
  options: RepairOptions,
): Promise<Pick<Repaired, 'saved' | 'fetched' | 'lost'>> {
  const { store, index } = contents
  const { clock, random, from, signal } = options
  const { compression } = (await readParameters(store, { signal })) ?? defaultParameters
  const writer = openRewriter(store, contents, {
    random,
    now: clock.now(),
    level: compression.level,
    signal,
    check: () => lease.keep({ signal }),
  })
  const counts = { saved: 0, fetched: 0 }
  const missing = new Map<Digest, number>()
  const have = new Set<number>()
  const isNeeded = (entry: number) => !have.has(index.firstOf(index.idAt(entry))) && !isElsewhere(index, entry, broken)
  const add = async (entry: number, bytes: Uint8Array) => {
    have.add(index.firstOf(index.idAt(entry)))
    await writer.add(index.idAt(entry), index.kindAt(entry), bytes)
  }
  for (const pack of broken) {
    const take = async (entry: number, bytes: Uint8Array) => {
      if (!isNeeded(entry)) return
      await add(entry, bytes)
      counts.saved++
    }
    const { bad } = await checkPack(store, index, pack, { signal, take })
    for (const entry of bad.filter(isNeeded)) missing.set(digestAt(index.idAt(entry), 0), entry)
  }
  const lost: Digest[] = []
  for (const [id, entry] of missing) {
    if (have.has(index.firstOf(index.idAt(entry)))) continue
    const bytes = from === undefined ? undefined : await readOrNothing(from, id, { signal })
    if (bytes === undefined) lost.push(id)
    else {
      await add(entry, bytes)
      counts.fetched++
    }
  }
  await writer.finish()
  return { ...counts, lost }
}

function isElsewhere(index: ChunkIndex, entry: number, broken: readonly KnownPack[]): boolean {
  return index.findAll(index.idAt(entry)).some((copy) => index.isReliable(copy) && !broken.includes(index.placeOf(copy).pack))
}

async function readOrNothing(from: ChunkReader, id: Digest, options: Signal): Promise<Uint8Array | undefined> {
  try {
    return await from.read(id, options)
  } catch (error) {
    if (isFault(error, 'not-found') || isFault(error, 'corrupt')) return undefined
    throw error
  }
}

async function declareGone(store: ObjectStore, packs: readonly Digest[], { clock, signal }: RepairOptions): Promise<void> {
  if (packs.length > 0) await putIndex(store, { packs: [], gone: packs.map((id) => ({ id, at: clock.now() })) }, { signal })
}

async function putIndex(store: ObjectStore, contents: IndexContents, { signal }: Signal): Promise<void> {
  const bytes = encodeIndex(contents)
  const digest = digestOf(bytes)
  await store.put(indexKey(digest), bytesOf(bytes), { digest, signal })
}
