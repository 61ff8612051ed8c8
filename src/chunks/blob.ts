import { type Bytes, type Digest, Fault, hexOf, isDigest } from '../kit/index.ts'
import type { ObjectInfo, ObjectStore, ResumeMemo, Signal } from '../store/index.ts'
import { spare } from './condemned.ts'

const start = 'blobs/sha256/'

/** Where a whole artifact lies: named by its digest, so that it is written once and never changes. */
export function blobKey(digest: Digest): string {
  const hex = hexOf(digest)
  return `${start}${hex.slice(0, 2)}/${hex}`
}

export function digestOfBlobKey(key: string): Digest | undefined {
  const hex = key.slice(start.length + 3)
  const digest = `sha256:${hex}`
  return isDigest(digest) && blobKey(digest) === key ? digest : undefined
}

/** Throws `not-found` with the digest; a size other than the expected one is `corrupt`. */
export async function headBlob(store: ObjectStore, digest: Digest, size: number | undefined, options: Signal = {}): Promise<ObjectInfo> {
  const key = blobKey(digest)
  const at = `${store.name}/${key}`
  const info = await store.head(key, options)
  if (info === undefined) throw new Fault('not-found', `the store does not have ${digest}`, { at })
  if (size !== undefined && info.size !== size)
    throw new Fault('corrupt', `${digest} should have ${size} bytes and has ${info.size}`, { at })
  return info
}

export interface PutBlobOptions extends Signal {
  readonly size: number
  readonly resume?: ResumeMemo | undefined
  /** Milliseconds since 1970; for the protection from a prune that is under way. */
  readonly now: number
}

/**
 * Makes sure that the store has this blob and keeps it: what is there already is not sent again, and is taken off the
 * list of anything that is to be deleted. Throws `busy` where a prune is deleting it right now.
 */
export async function putBlob(
  store: ObjectStore,
  digest: Digest,
  body: Bytes,
  options: PutBlobOptions,
): Promise<{ readonly info: ObjectInfo; readonly wasPresent: boolean }> {
  const key = blobKey(digest)
  const { signal, size, resume, now } = options
  for (;;) {
    const present = await store.head(key, { signal })
    if (present !== undefined && present.size === size) {
      const verdict = await spare(store, digest, now, { signal })
      if (verdict === 'kept') return { info: present, wasPresent: true }
      if (verdict === 'look-again') continue
    }
    // Unconditional, so that it may be retried: whoever writes this key writes the same bytes, and the digest guards it.
    return { info: await store.put(key, body, { digest, signal, resume }), wasPresent: false }
  }
}
