import * as v from 'valibot'
import {
  bytesOf,
  canonicalJson,
  type Digest,
  digestOf,
  Fault,
  forEachBounded,
  hexOf,
  isDigest,
  parseJson,
  type Shape,
} from '../kit/index.ts'
import { type ObjectStore, readAll, type Signal } from '../store/index.ts'
import { spareAll } from './condemned.ts'

const start = 'snapshots/'
const maxSnapshotBytes = 64 << 20
/** Records that are written at once. */
const width = 8

/** Where an immutable record lies: named by the digest of its canonical bytes. */
export function snapshotKey(digest: Digest): string {
  return `${start}${hexOf(digest)}.json`
}

/** The record under that key; undefined where it is none's. */
export function digestOfSnapshotKey(key: string): Digest | undefined {
  const digest = `sha256:${key.slice(start.length, -'.json'.length)}`
  return isDigest(digest) && snapshotKey(digest) === key ? digest : undefined
}

/** Writes an immutable record and gives its digest, which is its name. One request; writing the same again changes nothing. */
export async function putSnapshotRecord(store: ObjectStore, record: { readonly format: string }, options: Signal = {}): Promise<Digest> {
  const bytes = encodeSnapshotRecord(record)
  const digest = digestOf(bytes)
  await store.put(snapshotKey(digest), bytesOf(bytes), { digest, contentType: 'application/json', signal: options.signal })
  return digest
}

/**
 * Writes records, as `encodeSnapshotRecord` gives them, whose like may have been written before and be condemned since: they can be
 * relied on for a grace period from now. One request each and one list. Throws `busy` while a prune is deleting one of them.
 */
export async function putSnapshotRecords(
  store: ObjectStore,
  records: ReadonlyMap<Digest, Uint8Array>,
  options: Signal & { readonly now: number },
): Promise<void> {
  const { now, signal } = options
  const digests = new Set(records.keys())
  if (digests.size === 0) return
  while ((await spareAll(store, digests, now, { signal })) === 'look-again');
  await forEachBounded(
    records,
    width,
    async ([digest, bytes], inner) => {
      await store.put(snapshotKey(digest), bytesOf(bytes), { digest, contentType: 'application/json', signal: inner })
    },
    signal,
  )
}

/** A record's canonical bytes: the digest of these is its id. */
export function encodeSnapshotRecord(record: { readonly format: string }): Uint8Array {
  return new TextEncoder().encode(canonicalJson(record) + '\n')
}

/** Reads a record whole, checked against its digest and its shape. A format that the shape does not name is `unsupported`. */
export async function readSnapshotRecord<T extends { readonly format: string }>(
  store: ObjectStore,
  digest: Digest,
  shape: Shape<T>,
  format: T['format'],
  options: Signal = {},
): Promise<T> {
  const key = snapshotKey(digest)
  const at = `${store.name}/${key}`
  const { bytes } = await readAll(store, key, { limit: maxSnapshotBytes, signal: options.signal })
  if (digestOf(bytes) !== digest)
    throw new Fault('corrupt', 'the record does not match its digest', { at, hint: 'run: holdfast store verify' })
  const found = parseJson(v.looseObject({ format: v.string() }), bytes, at).format
  if (found !== format) throw new Fault('unsupported', `the record has the format ${JSON.stringify(found)}; ${format} is expected`, { at })
  return parseJson(shape, bytes, at)
}
