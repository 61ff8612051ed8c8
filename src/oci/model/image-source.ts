import type { Bytes, Digest } from '../../kit/index.ts'
import type { Signal } from '../../store/index.ts'
import type { Descriptor, StoredManifest } from '../registry/registry.ts'

/** What images are copied from. */
export interface ImageSource {
  /** What messages call it. */
  readonly name: string
  /** By tag or digest; without one, the only image there is. Throws `not-found`, and `invalid` where there are several. */
  resolve(ref?: string, o?: Signal): Promise<StoredManifest>
  manifest(digest: Digest, o?: Signal): Promise<StoredManifest>
  /** Verified as it streams: the last piece is withheld until length and digest are right, else `corrupt`. */
  blob(descriptor: Descriptor, o?: Signal): Promise<Bytes>
  referrers(digest: Digest, o?: Signal): AsyncIterable<Descriptor>
  close(): Promise<void>
}

/** What images are copied to. A tag comes last: whoever copies has put and checked all that it reaches. */
export interface ImageTarget {
  readonly name: string
  hasBlob(descriptor: Descriptor, o?: Signal): Promise<boolean>
  mountBlob?(descriptor: Descriptor, from: string, o?: Signal): Promise<boolean>
  /** Nothing is visible before its digest is right: `corrupt` where it has another. */
  putBlob(descriptor: Descriptor, body: Bytes, o?: Signal): Promise<void>
  /** Under its digest, and where `ref` is given, under that name too, in place of what it named before. */
  putManifest(manifest: StoredManifest, ref?: string, o?: Signal): Promise<void>
  close(): Promise<void>
}
