import * as v from 'valibot'
import { bytesOf, canonicalJson, type Digest, Fault, isDigest, isFault, parseJson } from '../kit/index.ts'
import { type ObjectStore, readAll, type Signal } from '../store/index.ts'

/**
 * Things that a prune found unreached. It deletes none of them before a grace period has passed, and first moves this
 * record to `deleting` by compare-and-swap; a writer that wants one of them back takes it off the list by
 * compare-and-swap. So exactly one of the two gets its way, without a lock.
 */
export interface Condemned {
  readonly format: typeof condemnedFormat
  /** When it was written, ISO 8601. Nothing in it was reached by a ref, pin or lease then. */
  readonly at: string
  /** Present while a prune deletes; it issues no deletion after this time, ISO 8601. */
  readonly deletingUntil?: string | undefined
  readonly keys: Readonly<Record<string, Digest>>
  /**
   * The leases that were live after this record could be seen: their writers may have read the list without it, and rely on packs in
   * it. Nothing is deleted before they are all gone. Absent until it has been found out.
   */
  readonly waitsFor?: readonly string[] | undefined
}

export const condemnedFormat = 'holdfast-condemned/1'
export const condemnedPrefix = 'condemned/'

const shape = v.object({
  format: v.literal(condemnedFormat),
  at: v.string(),
  deletingUntil: v.optional(v.string()),
  keys: v.record(v.string(), v.custom<Digest>(isDigest)),
  waitsFor: v.optional(v.array(v.string())),
})

export interface FoundCondemned {
  readonly key: string
  readonly etag: string
  readonly record: Condemned
}

export async function listCondemned(store: ObjectStore, options: Signal = {}): Promise<FoundCondemned[]> {
  const found: FoundCondemned[] = []
  for await (const info of store.list(condemnedPrefix, options)) {
    try {
      const { bytes, info: read } = await readAll(store, info.key, { limit: 64 << 20, signal: options.signal })
      found.push({ key: info.key, etag: read.etag, record: parseJson(shape, bytes, `${store.name}/${info.key}`) })
    } catch (error) {
      if (!isFault(error, 'not-found')) throw error
    }
  }
  return found
}

/** Replaces the record by compare-and-swap; undefined where someone else was first. */
export async function replaceCondemned(
  store: ObjectStore,
  found: FoundCondemned,
  record: Condemned,
  options: Signal = {},
): Promise<FoundCondemned | undefined> {
  try {
    const info = await store.put(found.key, bytesOf(canonicalJson(record) + '\n'), { if: { etag: found.etag }, signal: options.signal })
    return { key: found.key, etag: info.etag, record }
  } catch (error) {
    if (isFault(error, 'precondition')) return undefined
    throw error
  }
}

export async function addCondemned(store: ObjectStore, key: string, record: Condemned, options: Signal = {}): Promise<FoundCondemned> {
  const info = await store.put(key, bytesOf(canonicalJson(record) + '\n'), { if: 'absent', signal: options.signal })
  return { key, etag: info.etag, record }
}

/**
 * For a writer that found what it needs already stored: `kept` when it can rely on it for a grace period from now;
 * `look-again` when it must check presence anew. Throws `busy` while a prune is deleting it.
 */
export async function spare(store: ObjectStore, digest: Digest, now: number, options: Signal = {}): Promise<'kept' | 'look-again'> {
  return await spareAll(store, new Set([digest]), now, options)
}

/** The same for many at once: one list, and for each record of condemned things that names some of them a read and a write. */
export async function spareAll(
  store: ObjectStore,
  digests: ReadonlySet<Digest>,
  now: number,
  options: Signal = {},
): Promise<'kept' | 'look-again'> {
  let verdict: 'kept' | 'look-again' = 'kept'
  for (const found of await listCondemned(store, options)) {
    const mine = Object.values(found.record.keys).find((named) => digests.has(named))
    if (mine === undefined) continue
    const until = found.record.deletingUntil
    if (until !== undefined && now < Date.parse(until)) {
      throw new Fault('busy', `a prune is deleting ${mine} right now`, {
        at: `${store.name}/${found.key}`,
        hint: `run the command again after ${until}`,
      })
    }
    const keys = Object.fromEntries(Object.entries(found.record.keys).filter(([, named]) => !digests.has(named)))
    const replaced = await replaceCondemned(store, found, { ...found.record, keys }, options)
    if (replaced === undefined || until !== undefined) verdict = 'look-again'
  }
  return verdict
}
