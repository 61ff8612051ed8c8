import path from 'node:path'
import type { StoreFormat } from '../chunks/index.ts'
import { type Clock, Fault, readSmallFile, replaceFile } from '../kit/index.ts'
import type { ObjectStore } from '../store/index.ts'

/**
 * Makes the place a holdfast store where it is none, and finds out once for each store and machine whether conditional puts
 * hold there. A place where they do not is refused before anything is written to it.
 */
export async function prepareStore(place: Place): Promise<{ format: StoreFormat; isNew: boolean }> {
  const { store, clock, random, signal } = place
  const { ensureStoreFormat, readStoreFormat } = await import('../chunks/index.ts')
  const present = await readStoreFormat(store, { signal })
  if (present === undefined) await prove(place)
  const { format, isNew } = await ensureStoreFormat(store, { now: clock.now(), random, signal })
  const remembered = path.join(place.cacheRoot, format.id, 'conditional-puts')
  if (store.can.conditionalPut === 'unproven' && (await readSmallFile(remembered)) === undefined) {
    const why = present === undefined ? 'proven when the store was made' : await prove(place)
    await replaceFile(remembered, `${why}\n`)
  }
  return { format, isNew }
}

/** Throws `not-found` where there is no holdfast store. */
export async function formatOf(store: ObjectStore, signal: AbortSignal | undefined): Promise<StoreFormat> {
  const { readStoreFormat } = await import('../chunks/index.ts')
  const format = await readStoreFormat(store, { signal })
  if (format !== undefined) return format
  throw new Fault('not-found', 'there is no holdfast store here yet', {
    at: store.name,
    hint: 'check --store, or make a snapshot: that makes the store',
  })
}

async function prove({ store, random, signal }: Place): Promise<string> {
  if (store.can.conditionalPut === 'yes') return 'the driver promises it'
  const { proveConditionalPuts } = await import('../store/index.ts')
  const { holds, why } = await proveConditionalPuts(store, { random, signal })
  if (holds) return why
  throw new Fault('unsupported', `this store cannot carry names that move: ${why}`, {
    at: store.name,
    hint: 'use a store where conditional writes hold (`holdfast doctor --store URL` shows it); this one can still be published to',
  })
}

interface Place {
  readonly store: ObjectStore
  readonly clock: Clock
  readonly random: () => number
  readonly signal: AbortSignal | undefined
  readonly cacheRoot: string
}
