import { bytesOf, type Clock, type Digest, digestOf, Fault, forEachBounded, type Report, silent } from '../kit/index.ts'
import type { ObjectInfo, ObjectStore, Signal } from '../store/index.ts'
import { digestOfBlobKey } from './blob.ts'
import { mergeIndexes } from './collecting/merge-indexes.ts'
import { isDispensable, planPacks, type SparsePack } from './collecting/plan-packs.ts'
import { createReach, type Reach } from './collecting/reach.ts'
import { repack } from './collecting/repack.ts'
import { addCondemned, condemnedFormat, condemnedPrefix, type FoundCondemned, listCondemned, replaceCondemned } from './condemned.ts'
import { type Contents, openContents } from './contents.ts'
import { encodeIndex, indexKey } from './indexes/codec.ts'
import { formatKey, readStoreFormat } from './format.ts'
import { usualThreads } from './ingest/lanes.ts'
import { listLeases } from './lease.ts'
import { digestOfPackKey } from './pack/pack.ts'
import { defaultParameters, readParameters } from './parameters.ts'
import type { Tracer } from './roots.ts'
import { digestOfSnapshotKey } from './snapshot-record.ts'

export interface CollectOptions extends Signal {
  readonly store: ObjectStore
  readonly clock: Clock
  readonly random: () => number
  /** Milliseconds: nothing is deleted that was reachable, or did not exist, less than this ago. */
  readonly grace: number
  /** What tree nodes lead to. Without it a store that has trees is left alone, as `unsupported`. */
  readonly trace?: Tracer | undefined
  /** A directory for copies of indexes. */
  readonly cache?: string | undefined
  readonly dryRun?: boolean | undefined
  readonly report?: Report | undefined
}

interface Count {
  readonly objects: number
  readonly bytes: number
}

export interface Collected {
  /** Reached from refs, pins and leases: whole artifacts, records, and packs. */
  readonly kept: number
  /** Unreached; deleted by a prune that runs after the grace period. */
  readonly condemned: Count
  readonly deleted: Count
  /** Packs of which so little was needed that it was packed anew; they are among the condemned. */
  readonly repacked: Count
  /** Unreached, but too young to judge. */
  readonly young: number
  /** Condemned earlier, and kept until the writers of then have ended. */
  readonly waiting: number
  /** Leftovers of puts that were interrupted: no key ever showed them. */
  readonly swept: number
}

/** Milliseconds that one round of deletions may take. */
const deletingFor = 10 * 60_000
/** Milliseconds: a clock may be this far from another without harm. */
const margin = 60_000

/** What one prune works with. */
interface Prune extends CollectOptions {
  readonly contents: Contents
  readonly reach: Reach
}

/**
 * Deletes what nothing reaches, in two steps that may be runs apart: what is unreached and old enough is condemned; what
 * was condemned a grace period ago and is still unreached is deleted. May be killed anywhere and run beside
 * writers and other prunes.
 */
export async function collect(options: CollectOptions): Promise<Collected> {
  const { store, clock, signal, dryRun } = options
  // Elsewhere keys may look like ours and be somebody else's.
  if ((await readStoreFormat(store, { signal })) === undefined) {
    throw new Fault('not-found', 'there is no holdfast store here; nothing was deleted', { at: `${store.name}/${formatKey}` })
  }
  const contents = openContents(store, { cache: options.cache, threads: usualThreads(), report: options.report })
  try {
    const reach = createReach({ store, clock, contents, trace: options.trace, signal })
    const prune: Prune = { ...options, contents, reach }
    await reach.extend()
    const pending = await listCondemned(store, { signal })
    const condemned = await condemn(prune, new Set(pending.flatMap(({ record }) => Object.keys(record.keys))))
    const deleted = { objects: 0, bytes: 0, waiting: 0 }
    for (const found of [...pending, ...(condemned.found === undefined ? [] : [condemned.found])]) {
      if (dryRun === true || clock.now() - Date.parse(found.record.at) < options.grace) continue
      const part = await deleteCondemned(prune, found)
      deleted.objects += part.objects
      deleted.bytes += part.bytes
      deleted.waiting += part.waiting
    }
    const swept = dryRun === true ? undefined : await tidy(options)
    const { count, young, repacked, keptPacks } = condemned
    const { waiting, ...gone } = deleted
    return { kept: reach.keys.size + keptPacks, condemned: count, deleted: gone, repacked, young, waiting, swept: swept?.items ?? 0 }
  } finally {
    await contents.close()
  }
}

/** What is nobody's work in hand: many indexes, leases of writers that died, and leftovers of puts. */
async function tidy({ store, clock, grace, signal }: CollectOptions) {
  await mergeIndexes(store, clock.now(), { signal })
  await listLeases(store, clock, { mayRevoke: true, signal })
  // Never those of a put that is under way, whatever the grace period.
  return await store.sweep?.(Math.max(grace, 3_600_000), { signal })
}

interface Judged {
  readonly found?: FoundCondemned
  readonly count: Count
  readonly repacked: Count
  readonly young: number
  readonly keptPacks: number
}

async function condemn(prune: Prune, pending: ReadonlySet<string>): Promise<Judged> {
  const { store, clock, signal, contents, reach } = prune
  const now = clock.now()
  const { unneeded, sparse } = planPacks(contents.index, reach.isReached)
  const sparseById = new Map(sparse.map((one) => [one.pack.id, one]))
  const spareable = new Set(unneeded.map(({ id }) => id))
  const keys: Record<string, Digest> = {}
  const toRepack: SparsePack[] = []
  const count = { objects: 0, bytes: 0 }
  let [young, keptPacks] = [0, 0]
  for await (const { info, digest, isPack } of collectable(store, signal)) {
    if (reach.keys.has(info.key) || pending.has(info.key)) continue
    const pack = isPack ? contents.index.pack(digest) : undefined
    // A pack that no index knows is what a killed writer, or a killed prune, has left.
    const isNeeded = pack !== undefined && !pack.isGone && !spareable.has(digest)
    const isOld = now - info.modified >= prune.grace
    if (isNeeded) keptPacks++
    if (isNeeded && !(isOld && sparseById.has(digest))) continue
    if (!isOld) {
      young++
      continue
    }
    if (isNeeded) toRepack.push(sparseById.get(digest)!)
    keys[info.key] = digest
    count.objects++
    count.bytes += info.size
  }
  const repacked = { objects: toRepack.length, bytes: toRepack.reduce((sum, { pack }) => sum + pack.size, 0) }
  if (count.objects === 0 || prune.dryRun === true) return { count, young, repacked, keptPacks }
  if (toRepack.length > 0) await repackInto(prune, toRepack)
  const name = `${new Date(now).toISOString().replaceAll(/[-:.]/g, '')}-${Math.floor(prune.random() * 0x7fffffff).toString(36)}`
  const record = { format: condemnedFormat, at: new Date(now).toISOString(), keys } as const
  return { found: await addCondemned(store, `${condemnedPrefix}${name}.json`, record, { signal }), count, young, repacked, keptPacks }
}

async function repackInto({ store, clock, random, contents, signal }: Prune, sparse: readonly SparsePack[]): Promise<void> {
  const { compression } = (await readParameters(store, { signal })) ?? defaultParameters
  await repack(store, contents, sparse, { random, now: clock.now(), level: compression.level, signal })
}

/** Blobs, snapshot records and packs; anything else in those folders was not put there by holdfast and is left alone. */
async function* collectable(
  store: ObjectStore,
  signal: AbortSignal | undefined,
): AsyncGenerator<{ info: ObjectInfo; digest: Digest; isPack: boolean }> {
  for (const [prefix, digestOfKey] of [
    ['blobs/', digestOfBlobKey],
    ['snapshots/', digestOfSnapshotKey],
    ['packs/', digestOfPackKey],
  ] as const) {
    for await (const info of store.list(prefix, { signal })) {
      const digest = digestOfKey(info.key)
      if (digest !== undefined) yield { info, digest, isPack: prefix === 'packs/' }
    }
  }
}

async function deleteCondemned(prune: Prune, found: FoundCondemned): Promise<Count & { waiting: number }> {
  const { store, clock, signal, reach } = prune
  const done = { objects: 0, bytes: 0, waiting: 0 }
  const busyUntil = found.record.deletingUntil
  if (busyUntil !== undefined && clock.now() < Date.parse(busyUntil) + margin) return done
  const settled = await awaitWriters(prune, found)
  if (settled === undefined) return { ...done, waiting: Object.keys(found.record.keys).length }
  const until = clock.now() + deletingFor
  const claimed = await replaceCondemned(store, settled, { ...settled.record, deletingUntil: new Date(until).toISOString() }, { signal })
  if (claimed === undefined) return done
  // Read after the claim: whoever moved a ref before it is seen here, and whoever comes later sees the claim.
  await reach.extend()
  const keys = Object.entries(claimed.record.keys)
  const packs = keys.filter(([key, digest]) => digestOfPackKey(key) !== undefined && isUnneededPack(prune, digest))
  const others = keys.filter(([key]) => digestOfPackKey(key) === undefined && !reach.keys.has(key))
  if (packs.length > 0)
    await declareGone(
      prune,
      packs.map(([, digest]) => digest),
      until,
    )
  const count = await deleteKeys(
    prune,
    [...packs, ...others].map(([key]) => key),
    claimed.record.at,
    until,
  )
  await store.delete(claimed.key, { signal })
  return { ...count, waiting: 0 }
}

/**
 * The record, once no writer is left that may rely on packs in it: one that took its lease before the record could be seen. Undefined while
 * there is one.
 */
async function awaitWriters({ store, clock, signal }: Prune, found: FoundCondemned): Promise<FoundCondemned | undefined> {
  if (!Object.keys(found.record.keys).some((key) => digestOfPackKey(key) !== undefined)) return found
  const live = await listLeases(store, clock, { mayRevoke: true, signal })
  const { waitsFor } = found.record
  if (waitsFor !== undefined) return waitsFor.some((id) => live.has(id)) ? undefined : found
  const noted = await replaceCondemned(store, found, { ...found.record, waitsFor: [...live] }, { signal })
  return live.size === 0 ? noted : undefined
}

function isUnneededPack({ contents, reach }: Prune, digest: Digest): boolean {
  const pack = contents.index.pack(digest)
  return pack === undefined || pack.isGone || isDispensable(contents.index, pack, reach.isReached)
}

/** No index that still has them, and none that is yet to come, counts from now on. Before they leave the condemned list, and before they are deleted. */
async function declareGone({ store, clock, contents, signal }: Prune, packs: readonly Digest[], until: number): Promise<void> {
  if (clock.now() > until - margin)
    throw new Fault('busy', 'looking at what is needed took longer than a prune may; nothing was deleted', {
      at: store.name,
      hint: 'run it again',
    })
  const bytes = encodeIndex({ packs: [], gone: packs.map((id) => ({ id, at: clock.now() })) })
  const digest = digestOf(bytes)
  await store.put(indexKey(digest), bytesOf(bytes), { digest, signal })
  for (const id of packs) contents.index.markGone(id)
}

async function deleteKeys(
  { store, clock, signal, report = silent }: Prune,
  keys: readonly string[],
  condemnedAt: string,
  until: number,
): Promise<Count> {
  const done = { objects: 0, bytes: 0 }
  report({ kind: 'begin', task: 'prune', items: keys.length })
  await forEachBounded(
    keys,
    8,
    async (key, inner) => {
      if (clock.now() > until - margin) return
      const info = await store.head(key, { signal: inner })
      // Written again since it was condemned: someone wants it.
      if (info === undefined || info.modified > Date.parse(condemnedAt) + margin) return
      await store.delete(key, { signal: inner })
      done.objects++
      done.bytes += info.size
      report({ kind: 'advance', task: 'prune', items: 1, bytes: info.size })
    },
    signal,
  )
  report({ kind: 'end', task: 'prune' })
  return done
}
