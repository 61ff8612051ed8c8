import * as v from 'valibot'
import {
  type Digest,
  digestOf,
  Fault,
  forEachBounded,
  isDigest,
  isFault,
  parseJson,
  silent,
  type Clock,
  type Report,
} from '../kit/index.ts'
import { type ObjectInfo, type ObjectStore, readAll } from '../store/index.ts'
import { blobKey, digestOfBlobKey } from './blob.ts'
import { addCondemned, condemnedFormat, condemnedPrefix, type FoundCondemned, listCondemned, replaceCondemned } from './condemned.ts'
import { formatKey, readStoreFormat } from './format.ts'
import { readRoots, type Root, unknownRecord } from './roots.ts'
import { digestOfSnapshotKey, snapshotKey } from './snapshot-record.ts'

export interface CollectOptions {
  readonly store: ObjectStore
  readonly clock: Clock
  readonly random: () => number
  /** Milliseconds: nothing is deleted that was reachable, or did not exist, less than this ago. */
  readonly grace: number
  readonly dryRun?: boolean | undefined
  readonly report?: Report | undefined
  readonly signal?: AbortSignal | undefined
}

export interface Collected {
  /** Reached from refs, pins and leases. */
  readonly kept: number
  /** Unreached; deleted by a prune that runs after the grace period. */
  readonly condemned: { readonly objects: number; readonly bytes: number }
  readonly deleted: { readonly objects: number; readonly bytes: number }
  /** Unreached, but too young to judge. */
  readonly young: number
  /** Leftovers of puts that were interrupted: no key ever showed them. */
  readonly swept: number
}

/** Milliseconds that one round of deletions may take. */
const deletingFor = 10 * 60_000
/** Milliseconds: a clock may be this far from another without harm. */
const margin = 60_000

/**
 * Deletes what nothing reaches, in two steps that may be runs apart: what is unreached and old enough is condemned; what
 * was condemned a grace period ago and is still unreached is deleted. May be killed anywhere and run beside
 * writers and other prunes. Throws `not-found` where no holdfast store is, and `unsupported` where a newer version made it.
 */
export async function collect(options: CollectOptions): Promise<Collected> {
  const { store, signal } = options
  if ((await readStoreFormat(store, { signal })) === undefined)
    throw new Fault('not-found', 'there is no holdfast store here; nothing was deleted', {
      at: `${store.name}/${formatKey}`,
      hint: 'check the URL; a store is made by the first command that writes to it',
    })
  const before = await reachable(options)
  const pending = await listCondemned(store, { signal })
  const condemned = await condemn(options, before, new Set(pending.flatMap(({ record }) => Object.keys(record.keys))))
  const due = [...pending, ...(condemned.found === undefined ? [] : [condemned.found])]
  const deleted = { objects: 0, bytes: 0 }
  for (const found of due) {
    if (options.clock.now() - Date.parse(found.record.at) < options.grace) continue
    const part = await deleteCondemned(options, found)
    deleted.objects += part.objects
    deleted.bytes += part.bytes
  }
  const swept = options.dryRun === true ? undefined : await store.sweep?.(options.grace, { signal })
  return { kept: before.size, condemned: condemned.count, deleted, young: condemned.young, swept: swept?.items ?? 0 }
}

/** Every key that must stay: the roots and all that they lead to. */
async function reachable(options: CollectOptions): Promise<Set<string>> {
  const { store, clock, signal } = options
  const keys = new Set<string>()
  let edge: Root[] = await readRoots(store, clock.now(), { signal })
  while (edge.length > 0) {
    const next: Root[] = []
    await forEachBounded(
      edge,
      8,
      async (root, inner) => {
        const key = keyOfRoot(root, store.name)
        if (keys.has(key)) return
        keys.add(key)
        if (root.kind === 'snapshot') next.push(...(await readReaches(store, root.digest, inner)))
      },
      signal,
    )
    edge = next
  }
  return keys
}

function keyOfRoot(root: Root, at: string): string {
  if (root.kind === 'blob') return blobKey(root.digest)
  if (root.kind === 'snapshot') return snapshotKey(root.digest)
  throw unknownRecord(`a link of the kind ${JSON.stringify(root.kind)}`, at)
}

const reaching = v.looseObject({ reaches: v.array(v.object({ kind: v.string(), digest: v.custom<Digest>(isDigest) })) })

async function readReaches(store: ObjectStore, digest: Digest, signal: AbortSignal): Promise<readonly Root[]> {
  const key = snapshotKey(digest)
  const at = `${store.name}/${key}`
  try {
    const { bytes } = await readAll(store, key, { limit: 64 << 20, signal })
    if (digestOf(bytes) !== digest)
      throw new Fault('corrupt', 'the record does not match its digest; nothing was deleted', { at, hint: 'run: holdfast store verify' })
    return parseJson(reaching, bytes, at).reaches
  } catch (error) {
    if (!isFault(error, 'not-found')) throw error
    throw new Fault('corrupt', 'a record that is still referred to is missing; nothing was deleted', {
      at,
      hint: 'run: holdfast store verify',
      cause: error,
    })
  }
}

async function condemn(
  options: CollectOptions,
  reached: Set<string>,
  pending: Set<string>,
): Promise<{ found?: FoundCondemned; count: { objects: number; bytes: number }; young: number }> {
  const { store, clock, signal } = options
  const now = clock.now()
  const keys: Record<string, Digest> = {}
  const count = { objects: 0, bytes: 0 }
  let young = 0
  for await (const { info, digest } of collectable(store, signal)) {
    if (reached.has(info.key) || pending.has(info.key)) continue
    if (now - info.modified < options.grace) {
      young++
      continue
    }
    keys[info.key] = digest
    count.objects++
    count.bytes += info.size
  }
  if (count.objects === 0 || options.dryRun === true) return { count, young }
  const name = `${new Date(now).toISOString().replaceAll(/[-:.]/g, '')}-${Math.floor(options.random() * 0x7fffffff).toString(36)}`
  const record = { format: condemnedFormat, at: new Date(now).toISOString(), keys } as const
  return { found: await addCondemned(store, `${condemnedPrefix}${name}.json`, record, { signal }), count, young }
}

/** Blobs and snapshot records; anything else in those folders was not put there by holdfast and is left alone. */
async function* collectable(store: ObjectStore, signal: AbortSignal | undefined): AsyncGenerator<{ info: ObjectInfo; digest: Digest }> {
  for await (const info of store.list('blobs/', { signal })) {
    const digest = digestOfBlobKey(info.key)
    if (digest !== undefined) yield { info, digest }
  }
  for await (const info of store.list('snapshots/', { signal })) {
    const digest = digestOfSnapshotKey(info.key)
    if (digest !== undefined) yield { info, digest }
  }
}

async function deleteCondemned(options: CollectOptions, found: FoundCondemned): Promise<{ objects: number; bytes: number }> {
  const { store, clock, signal, report = silent } = options
  const done = { objects: 0, bytes: 0 }
  if (options.dryRun === true) return done
  const busyUntil = found.record.deletingUntil
  if (busyUntil !== undefined && clock.now() < Date.parse(busyUntil) + margin) return done
  const until = clock.now() + deletingFor
  const claimed = await replaceCondemned(store, found, { ...found.record, deletingUntil: new Date(until).toISOString() }, { signal })
  if (claimed === undefined) return done
  // Read after the claim: whoever moved a ref before it is seen here, and whoever comes later sees the claim.
  const reached = await reachable(options)
  const doomed = Object.keys(claimed.record.keys).filter((key) => !reached.has(key))
  report({ kind: 'begin', task: 'prune', items: doomed.length })
  await forEachBounded(
    doomed,
    8,
    async (key, inner) => {
      if (clock.now() > until - margin) return
      const info = await store.head(key, { signal: inner })
      // Written again since it was condemned: someone wants it.
      if (info === undefined || info.modified > Date.parse(claimed.record.at) + margin) return
      await store.delete(key, { signal: inner })
      done.objects++
      done.bytes += info.size
      report({ kind: 'advance', task: 'prune', items: 1, bytes: info.size })
    },
    signal,
  )
  report({ kind: 'end', task: 'prune' })
  await store.delete(claimed.key, { signal })
  return done
}
