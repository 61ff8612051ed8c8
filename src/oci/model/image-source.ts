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
  /** Where a blob lies: whoever wants several spares reading by asking for them in this order. */
  placeOf?(descriptor: Descriptor): number
  referrers(digest: Digest, o?: Signal): AsyncIterable<Descriptor>
  /** All names there are, in its own order. */
  refs(o?: Signal): Promise<readonly string[]>
  close(): Promise<void>
}

/** Content that is known when it was read to its end. */
export interface StreamedContent {
  readonly bytes: Bytes
  /** Throws `bug` before the last byte was read. */
  result(): Pick<Descriptor, 'digest' | 'size'>
}

/** What images are copied to. A tag comes last: whoever copies has put and checked all that it reaches. */
export interface ImageTarget {
  readonly name: string
  /** How many blobs it takes at once. */
  readonly width: number
  /** What it is given is all that it has afterwards: a name that was right is put again. */
  readonly beginsEmpty?: boolean
  /** Throws for what it can never hold, before anything is sent. */
  accepts?(top: StoredManifest): void
  /** What the name names now; undefined where it names nothing. */
  named(ref: string, o?: Signal): Promise<Digest | undefined>
  /** What it has under that digest; without it, nobody looks whether one manifest goes on from another. */
  manifest?(digest: Digest, o?: Signal): Promise<StoredManifest>
  /** Whether a manifest is there, and with it all that it names itself: for targets that take no manifest before that. */
  hasWhole?(descriptor: Descriptor, o?: Signal): Promise<boolean>
  /** Whether it is there, with that size. */
  hasBlob(descriptor: Descriptor, o?: Signal): Promise<boolean>
  /** Whether the target could take it over from elsewhere in the same place, without its bytes being sent. */
  mountBlob?(descriptor: Descriptor, o?: Signal): Promise<boolean>
  /** Nothing is visible before its digest is right: `corrupt` where it has another. Resolves when it is there, which was checked. */
  putBlob(descriptor: Descriptor, body: Bytes, o?: Signal): Promise<void>
  /** The same for content whose digest is known at its end. */
  putStream(content: StreamedContent, o?: Signal): Promise<void>
  /** Under its digest, and where `ref` is given, under that name too, in place of what it named before. */
  putManifest(manifest: StoredManifest, ref?: string, o?: Signal): Promise<void>
  /** Makes visible what waits for it; without it, `close` throws that away. */
  finish?(o?: Signal): Promise<void>
  close(): Promise<void>
}
