import * as v from 'valibot'
import { bytesOf, canonicalJson, type Clock, type Digest, Fault, isDigest, isFault, parseJson } from '../kit/index.ts'
import { type Condition, type ObjectStore, readAll, type Signal } from '../store/index.ts'
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

/** A lease that stands from now on, for what it `reaches` too. It has to be kept, and released at the end: nothing renews it by itself. */
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
  /** Of the attempts that a wrapper repeats, one may have been applied whose answer was lost: what is there and not revoked is ours. */
  const put = async (now: number, condition: Condition, { signal }: Signal): Promise<string> => {
    try {
      return (await store.put(key, encode(recordAt(now)), { if: condition, signal })).etag
    } catch (error) {
      if (!isFault(error, 'precondition')) throw error
      const present = await readLease(store, key, { signal })
      if (present === undefined || present.record.revoked === true) throw lost(store, key, 'was revoked')
      return present.etag
    }
  }
  let etag = await put(started, 'absent', options)
  let expires = started + lifetime
  let renewing: Promise<void> | undefined

  const checkTime = () => {
    if (clock.now() >= expires) throw lost(store, key, 'has run out')
  }
  /** Many ask at once, one does it. */
  const renew = async (signal: Signal) => {
    renewing ??= (async () => {
      const now = clock.now()
      etag = await put(now, { etag }, signal)
      expires = now + lifetime
    })().finally(() => (renewing = undefined))
    await renewing
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

interface FoundLease {
  readonly record: v.InferOutput<typeof shape>
  readonly etag: string
}

async function readLease(store: ObjectStore, key: string, { signal }: Signal): Promise<FoundLease | undefined> {
  try {
    const { bytes, info } = await readAll(store, key, { limit: 64 << 20, signal })
    return { record: parseJson(shape, bytes, `${store.name}/${key}`), etag: info.etag }
  } catch (error) {
    if (isFault(error, 'not-found')) return undefined
    throw error
  }
}

/** The ids of all leases that stand. Those that ran out are revoked, and deleted once they were revoked by an earlier call. */
export async function listLeases(
  store: ObjectStore,
  clock: Clock,
  { signal, mayRevoke }: Signal & { readonly mayRevoke: boolean },
): Promise<Set<string>> {
  const live = new Set<string>()
  for await (const { key } of store.list(prefix, { signal })) {
    const id = key.slice(prefix.length, -'.json'.length)
    const found = await readLease(store, key, { signal })
    if (found === undefined) continue
    const { record, etag } = found
    if (record.revoked === true) {
      if (mayRevoke) await store.delete(key, { signal })
    } else if (
      Date.parse(record.expires) + leaseMargin >= clock.now() ||
      !mayRevoke ||
      !(await revoke(store, key, record, etag, { signal }))
    )
      live.add(id)
  }
  return live
}

/** False where it was renewed, or given up, meanwhile. */
async function revoke(store: ObjectStore, key: string, record: LeaseRecord, etag: string, { signal }: Signal): Promise<boolean> {
  try {
    await store.put(key, encode({ ...record, revoked: true }), { if: { etag }, signal })
    return true
  } catch (error) {
    if (isFault(error, 'precondition')) return false
    throw error
  }
}
