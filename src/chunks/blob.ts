import { type Digest, hexOf, isDigest } from '../kit/index.ts'
import type { ObjectInfo, ObjectStore, Signal } from '../store/index.ts'
import { spare } from './condemned.ts'

const start = 'blobs/sha256/'

/** Where a whole artifact lies: named by its digest, so that it is written once and never changes. */
export function blobKey(digest: Digest): string {
  const hex = hexOf(digest)
  return `${start}${hex.slice(0, 2)}/${hex}`
}

/** The artifact under that key; undefined where it is none's. */
export function digestOfBlobKey(key: string): Digest | undefined {
  const hex = key.slice(start.length + 3)
  const digest = `sha256:${hex}`
  return isDigest(digest) && blobKey(digest) === key ? digest : undefined
}

export interface EnsureBlobOptions extends Signal {
  readonly size: number
  /** Milliseconds since 1970; for the protection from a prune that is under way. */
  readonly now: number
}

/**
 * Makes sure that the store has this blob and keeps it: what is there already is not sent again, and is taken off the
 * list of anything that is to be deleted; else `send` puts it under the key, checked against the digest. That put is
 * unconditional, so that it may be retried: whoever writes this key writes the same bytes. Throws `busy` where a prune
 * is deleting it right now: also where it is gone already, since a deletion that is under way would take the new one.
 */
export async function ensureBlob(
  store: ObjectStore,
  digest: Digest,
  { size, now, signal }: EnsureBlobOptions,
  send: (key: string) => Promise<ObjectInfo>,
): Promise<{ readonly info: ObjectInfo; readonly wasPresent: boolean }> {
  const key = blobKey(digest)
  for (;;) {
    const present = await store.head(key, { signal })
    if ((await spare(store, digest, now, { signal })) === 'look-again') continue
    return present?.size === size ? { info: present, wasPresent: true } : { info: await send(key), wasPresent: false }
  }
}
