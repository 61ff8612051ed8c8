import type { Bytes, Digest } from '../kit/index.ts'

/**
 * A flat map from key to bytes.
 *
 * What every driver and every wrapper promises, and `conformance/` checks:
 *
 * - Atomic: a put shows the whole object or nothing. A body that fails, a signal that fires or a digest that does not
 *   match leaves what was there before.
 * - Read after write: once a put or delete has resolved, every later head, get and list of any process sees it.
 * - Durable: once a put has resolved, a power cut does not undo it.
 * - Conditional: where `can.conditionalPut` is `yes`, a put with `if` succeeds only in the named state, and of any number of
 *   such puts at once, in any number of processes, exactly one succeeds. A key that is ever written with `{ etag }`
 *   is written with `if` always; mixed with plain puts the promise does not hold.
 * - Absence is a value and trouble is not absence: `head` gives undefined only where the key is known not to exist.
 * - Keys follow `checkKey`; any other key is `invalid` in every verb. A list may show foreign keys that break the rules.
 * - Faults: `invalid`, `not-found`, `precondition`, `denied`, `unsupported`, `corrupt`, `busy`, `unavailable`, `aborted`.
 *   Drivers translate at their border; a message names the store and the key and never a secret.
 * - Signals: every verb ends soon after its signal fires, with `aborted`, and leaves nothing visible.
 */
export interface ObjectStore {
  /** What errors and logs call it, such as `s3://bucket/prefix`: without secrets. */
  readonly name: string
  readonly can: Capabilities
  /** Present where bytes can be copied inside of the place without passing through this process. */
  readonly near?: Near | undefined
  head(key: string, options?: Signal): Promise<ObjectInfo | undefined>
  /** Throws `not-found`. The body is rewindable, and every reading of it gives the version that `info` describes or throws `precondition`. */
  get(key: string, options?: GetOptions): Promise<ObjectBody>
  /** Present where one opening serves many reads; `openReader` does the same over any store. */
  readonly reader?: ((key: string, options?: ReaderOptions) => Promise<ObjectReader>) | undefined
  put(key: string, body: Bytes, options?: PutOptions): Promise<ObjectInfo>
  /** Idempotent: deleting what is not there succeeds. */
  delete(key: string, options?: Signal): Promise<void>
  /** Every key that begins with the prefix (any string), in key order where `can.orderedList`. Streams; pages are fetched as they are read. */
  list(prefix: string, options?: ListOptions): AsyncIterable<ObjectInfo>
  /**
   * Present where puts that were interrupted leave something behind that no key shows: temporary files, unfinished uploads.
   * Removes those under a prefix whose last sign of life is more than `age` milliseconds ago by the store's clock.
   */
  readonly sweep?: ((age: number, options?: SweepOptions) => Promise<Swept>) | undefined
  /** Lets go of sockets and timers. Idempotent. */
  close(): Promise<void>
}

export interface SweepOptions extends Signal {
  /** Empty, or ending with a slash. */
  readonly prefix?: string | undefined
}

export interface Swept {
  readonly items: number
  /** Undefined where the place does not tell. */
  readonly bytes?: number | undefined
}

/** Facts that a driver states about itself; only what a caller branches on. */
export interface Capabilities {
  /** Puts with `if`. `unproven`: the server may ignore conditions or lose races; `prove` finds out. */
  readonly conditionalPut: 'yes' | 'no' | 'unproven'
  readonly orderedList: boolean
  /** `a` and `a/b` may both be keys. */
  readonly nestedKeys: boolean
  /** contentType and cacheControl are kept and given back; `public` is honoured. */
  readonly metadata: boolean
  /** A put with `resume` goes on where an earlier process was ended. */
  readonly resumablePut: boolean
}

export interface Signal {
  readonly signal?: AbortSignal | undefined
}

export interface ObjectInfo {
  readonly key: string
  readonly size: number
  /** Changes whenever the content does. Opaque; only equality means something. */
  readonly etag: string
  /** Milliseconds since 1970 by the store's clock. */
  readonly modified: number
  /** Where the store itself knows the digest of the whole object. */
  readonly digest?: Digest | undefined
  readonly contentType?: string | undefined
  readonly cacheControl?: string | undefined
}

export interface ObjectBody extends Bytes {
  /** The whole object's facts, also where only a range was asked for. */
  readonly info: ObjectInfo
  /** Bytes that this body gives: the range's length. */
  readonly length: number
}

export interface GetOptions extends Signal {
  /** From byte `start` up to and without byte `end`; `end` past the object's end is cut; `start` at or past it throws `invalid`. */
  readonly range?: { readonly start: number; readonly end?: number | undefined } | undefined
  /** Throws `precondition` unless the object still has this etag. */
  readonly etag?: string | undefined
  /** The reader is done with each piece before it asks for the next one, and knows it: pieces may lie in one buffer, one after the other. */
  readonly oneBuffer?: boolean | undefined
}

export interface ReaderOptions extends Signal {
  /** Throws `precondition` unless the object still has this etag. */
  readonly etag?: string | undefined
  /**
   * For files that others append to, such as logs: then only one that became shorter is `precondition`, the bytes are whatever
   * lies at their place when they are read, and the caller checks their digest. Where nothing can be appended this changes nothing.
   */
  readonly mayGrow?: boolean | undefined
}

/** Many ranges of one version, with one opening. The signal that it was opened with ends its reads too. */
export interface ObjectReader {
  readonly info: ObjectInfo
  /**
   * The bytes from `start` up to and without `end`, every one of them: of the version that `info` describes, or `precondition`.
   * Both lie within the object, and they may be equal: `invalid` otherwise. Many may be under way at once; the bytes are the caller's.
   */
  read(start: number, end: number): Promise<Uint8Array>
  /** Lets go of what it holds. Idempotent; no read may be under way or follow. */
  close(): Promise<void>
}

/** `absent`: only where there is no such key. `{ etag }`: only over that version. Anything else throws `precondition`. */
export type Condition = 'absent' | { readonly etag: string }

export interface PutOptions extends Signal {
  readonly if?: Condition | undefined
  /** The body's digest, when it is known before. Checked by the driver before the key exists: `corrupt` otherwise. */
  readonly digest?: Digest | undefined
  readonly contentType?: string | undefined
  readonly cacheControl?: string | undefined
  /** Readable by anyone (canned ACL `public-read`). */
  readonly public?: boolean | undefined
  /** Where the driver can: keeps what is needed to go on after a crash. Needs a rewindable body of known length. */
  readonly resume?: ResumeMemo | undefined
}

/** One remembered text that outlives the process, kept by the caller for one upload. */
export interface ResumeMemo {
  load(): Promise<string | undefined>
  save(text: string): Promise<void>
  clear(): Promise<void>
}

export interface ListOptions extends Signal {
  /** Only keys after this one, in key order. */
  readonly after?: string | undefined
}

/** Copying without moving bytes through this process. */
export interface Near {
  /** Two stores with equal places can copy between each other. */
  readonly place: string
  /** The key's address within the place. */
  address(key: string): string
  /**
   * Puts the object at an address of the same place under `key`: atomic, as a put is. With `etag`, only that version
   * of the source. Throws `not-found`, `precondition` (source changed), and `unsupported` where it cannot do it after all.
   */
  copyFrom(address: string, key: string, options?: NearCopyOptions): Promise<ObjectInfo>
}

export interface NearCopyOptions extends Signal {
  readonly etag?: string | undefined
  readonly size?: number | undefined
  readonly contentType?: string | undefined
  readonly cacheControl?: string | undefined
  readonly public?: boolean | undefined
}
