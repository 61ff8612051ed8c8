import * as v from 'valibot'
import { bytesOf, canonicalJson, type Clock, type Digest, Fault, isDigest, isFault, parseJson } from '../kit/index.ts'
import { type ObjectStore, readAll, type Signal } from '../store/index.ts'
import type { Root } from './roots.ts'

/**
 * Says that somebody writes: packs which a prune condemns after the lease was seen are not deleted before it is gone. A prune revokes a
 * lease that has run out by compare-and-swap, so that of a late renewal and a revocation exactly one happens.
 */
export interface Lease {
  readonly id: string
  /** Renews it where it is time to. Throws `busy` once it has been lost. Cheap when there is nothing to do. */
  keep(options?: Signal): Promise<void>
  /** Asks the store whether it still stands, and renews it where less than half of its time is left. Throws `busy` once it has been lost. */
  confirm(options?: Signal): Promise<void>
  /** Idempotent. */
  release(options?: Signal): Promise<void>
}

interface LeaseRecord {
  readonly format: typeof leaseFormat
  readonly writer: string
  /** ISO 8601, as is the other. */
  readonly started: string
  readonly expires: string
  readonly reaches: readonly Root[]
  /** By a prune, after it had run out. */
  readonly revoked?: boolean | undefined
}

export const leaseFormat = 'holdfast-lease/1'
const prefix = 'leases/'
/** Milliseconds. */
const lifetime = 60 * 60_000
/** Milliseconds that two clocks may differ without harm: this long after it ran out a lease is revoked. */
export const leaseMargin = 10 * 60_000

const shape = v.object({
  format: v.literal(leaseFormat),
  writer: v.optional(v.string(), ''),
  started: v.optional(v.string(), ''),
  expires: v.string(),
  reaches: v.array(v.object({ kind: v.string(), digest: v.custom<Digest>(isDigest) })),
  revoked: v.optional(v.boolean()),
})

export interface TakeLeaseOptions extends Signal {
  readonly clock: Clock
  readonly random: () => number
  /** Who, for people: `user@host`. */
  readonly by: string
  /** Kept alive while the lease stands. */
  readonly reaches?: readonly Root[] | undefined
}

export async function takeLease(store: ObjectStore, options: TakeLeaseOptions): Promise<Lease> {
  const { clock, random } = options
  const id = Array.from({ length: 8 }, () =>
    Math.floor(random() * 0x10000)
      .toString(16)
      .padStart(4, '0'),
  ).join('')
  const key = `${prefix}${id}.json`
  const started = clock.now()
  const recordAt = (now: number): LeaseRecord => ({
    format: leaseFormat,
    writer: options.by,
    started: new Date(started).toISOString(),
    expires: new Date(now + lifetime).toISOString(),
    reaches: options.reaches ?? [],
  })
  const first = await store.put(key, encode(recordAt(started)), { if: 'absent', signal: options.signal })
  let etag = first.etag
  let expires = started + lifetime

  const checkTime = () => {
    if (clock.now() >= expires) throw lost(store, key, 'has run out')
  }
  const renew = async ({ signal }: Signal) => {
    const now = clock.now()
    try {
      const info = await store.put(key, encode(recordAt(now)), { if: { etag }, signal })
      etag = info.etag
      expires = now + lifetime
    } catch (error) {
      throw isFault(error, 'precondition') ? lost(store, key, 'was revoked') : error
    }
  }
  return {
    id,
    async keep(keeping = {}) {
      checkTime()
      if (expires - clock.now() < lifetime * 0.75) await renew(keeping)
    },
    async confirm(confirming = {}) {
      checkTime()
      if (expires - clock.now() < lifetime / 2) return await renew(confirming)
      const info = await store.head(key, confirming)
      if (info?.etag !== etag) throw lost(store, key, 'was revoked')
    },
    release: (releasing = {}) => store.delete(key, releasing),
  }
}

function encode(record: LeaseRecord) {
  return bytesOf(canonicalJson(record) + '\n')
}

function lost(store: ObjectStore, key: string, how: string): Fault {
  return new Fault('busy', `this writer's lease ${how}, so that a prune may have deleted what it relies on`, {
    at: `${store.name}/${key}`,
    hint: 'run the command again: what it stored is still used where it is still there',
  })
}

/** The ids of all leases that stand. Those that ran out are revoked, and deleted once they were revoked by an earlier call. */
export async function listLeases(
  store: ObjectStore,
  clock: Clock,
  options: Signal & { readonly mayRevoke: boolean },
): Promise<Set<string>> {
  const live = new Set<string>()
  const { signal } = options
  for await (const info of store.list(prefix, { signal })) {
    const id = info.key.slice(prefix.length, -'.json'.length)
    try {
      const { bytes, info: read } = await readAll(store, info.key, { limit: 64 << 20, signal })
      const record = parseJson(shape, bytes, `${store.name}/${info.key}`)
      const isOver = record.revoked === true || Date.parse(record.expires) + leaseMargin < clock.now()
      if (!isOver) live.add(id)
      else if (options.mayRevoke && record.revoked === true) await store.delete(info.key, { signal })
      else if (options.mayRevoke) await store.put(info.key, encode({ ...record, revoked: true }), { if: { etag: read.etag }, signal })
    } catch (error) {
      // Given up meanwhile; or renewed meanwhile, and so still there.
      if (isFault(error, 'precondition')) live.add(id)
      else if (!isFault(error, 'not-found')) throw error
    }
  }
  return live
}
