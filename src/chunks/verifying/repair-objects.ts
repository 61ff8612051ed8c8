import * as v from 'valibot'
import { bytesOf, type Clock, isFault, parseJson } from '../../kit/index.ts'
import { digestAt, type ObjectStore, readAll, type Signal } from '../../store/index.ts'
import { digestOfBlobKey } from '../blob.ts'
import { spare } from '../condemned.ts'
import { digestOfSnapshotKey } from '../snapshot-record.ts'
import { putAside } from './put-aside.ts'
import { type VerifiedObjects, verifyObjects } from './verify-objects.ts'

export interface RepairObjectsOptions extends Signal {
  readonly clock: Clock
  readonly random: () => number
  /** Another store, where what is damaged or missing here may be whole. Only read. */
  readonly from: ObjectStore
}

export interface RepairedObjects {
  /** Keys that are whole again. */
  readonly restored: readonly string[]
  /** Keys that the other store does not have whole either. What is damaged stays where it is. */
  readonly lost: readonly string[]
  /** Where what was damaged lies now. */
  readonly quarantined: readonly string[]
}

const maxRecordBytes = 64 << 20

/**
 * Puts right what `verifyObjects` found, with what another store has under the same keys: artifacts and records are taken only with the
 * digest that they are named by, and names (refs, pins) that could not be understood come back as they are there. What they lead to, which
 * nobody could know before, is looked for after that. May be killed anywhere.
 */
export async function repairObjects(
  store: ObjectStore,
  found: Pick<VerifiedObjects, 'damaged' | 'missing'>,
  options: RepairObjectsOptions,
): Promise<RepairedObjects> {
  const done = { restored: [] as string[], lost: [] as string[], quarantined: [] as string[] }
  let { damaged, missing } = found
  while (damaged.length + missing.length > 0) {
    await repairRound(store, { damaged, missing }, options, done)
    const again = await verifyObjects(store, { readData: 0, random: options.random, signal: options.signal })
    const isNews = (key: string) => !done.lost.includes(key) && !done.restored.includes(key)
    damaged = again.damaged.filter(isNews)
    missing = again.missing.filter(isNews)
  }
  return done
}

async function repairRound(
  store: ObjectStore,
  { damaged, missing }: Pick<VerifiedObjects, 'damaged' | 'missing'>,
  options: RepairObjectsOptions,
  done: { readonly restored: string[]; readonly lost: string[]; readonly quarantined: string[] },
): Promise<void> {
  // Names come last: what they lead to is there then, as far as it is known.
  const isName = (key: string) => Number(/^(?:refs|pins)\//.test(key))
  for (const key of [...damaged, ...missing].toSorted((one, other) => isName(one) - isName(other))) {
    if (!(await isWhole(options.from, key, options))) {
      done.lost.push(key)
      continue
    }
    const aside = damaged.includes(key) ? await putAside(store, key, options) : undefined
    if (aside !== undefined) done.quarantined.push(aside)
    await bring(store, key, options)
    done.restored.push(key)
  }
}

async function isWhole(from: ObjectStore, key: string, { signal }: Signal): Promise<boolean> {
  const digest = digestOfKey(key)
  try {
    if (digest !== undefined) return (await digestAt(from, key, { signal })) === digest
    const { bytes } = await readAll(from, key, { limit: maxRecordBytes, signal })
    return parseJson(v.looseObject({ format: v.string() }), bytes, key).format.startsWith('holdfast-')
  } catch (error) {
    if (isFault(error, 'not-found') || isFault(error, 'corrupt')) return false
    throw error
  }
}

async function bring(store: ObjectStore, key: string, { from, clock, signal }: RepairObjectsOptions): Promise<void> {
  const digest = digestOfKey(key)
  if (digest === undefined) {
    const [{ bytes }, here] = [await readAll(from, key, { limit: maxRecordBytes, signal }), await store.head(key, { signal })]
    // On the version that was found damaged: whoever mended it meanwhile wins.
    await store.put(key, bytesOf(bytes), {
      if: here === undefined ? 'absent' : { etag: here.etag },
      contentType: 'application/json',
      signal,
    })
    return
  }
  while ((await spare(store, digest, clock.now(), { signal })) === 'look-again');
  await store.put(key, await from.get(key, { signal }), { digest, signal })
}

function digestOfKey(key: string) {
  return digestOfBlobKey(key) ?? digestOfSnapshotKey(key)
}
