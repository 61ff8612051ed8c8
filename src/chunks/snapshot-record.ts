import * as v from 'valibot'
import { bytesOf, canonicalJson, type Digest, digestOf, Fault, hexOf, isDigest, parseJson, type Shape } from '../kit/index.ts'
import { type ObjectStore, readAll, type Signal } from '../store/index.ts'

const start = 'snapshots/'
const maxSnapshotBytes = 64 << 20

/** Where an immutable record lies: named by the digest of its canonical bytes. */
export function snapshotKey(digest: Digest): string {
  return `${start}${hexOf(digest)}.json`
}

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
