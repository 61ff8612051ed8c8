import type { Clock, Digest, Report } from '../kit/index.ts'
import type { ObjectStore, Signal } from '../store/index.ts'
import type { ChunkKind, ChunkList } from './chunk.ts'
import type { ChunkParameters } from './parameters.ts'
import type { Placed, Placement, Supposed } from './placing/place.ts'

/** Chunks and tree nodes in the packs of a holdfast store. Bytes that it gives have the digest that they were asked for by. */
export interface ChunkReader {
  readonly store: ObjectStore
  /** Known in an index, and not in a pack that a prune has condemned: whoever holds a lease may rely on it. */
  has(id: Digest): boolean
  /** Where it lies, condemned or not. */
  locate(id: Digest): ChunkLocation | undefined
  /** Verified. Throws `not-found` after a fresh look at the indexes, and `corrupt`. Blocks that were read lately are kept. */
  read(id: Digest, options?: Signal): Promise<Uint8Array>
  /**
   * Verified, in the order given, as often as given. Reads ahead and reads what lies together at once, so that ids in the order of
   * their locations cost the least. What it holds is bounded (about 32 MiB). Do not write into the bytes.
   */
  readMany(ids: Iterable<Digest>, options?: Signal): AsyncIterable<{ readonly id: Digest; readonly bytes: Uint8Array }>
  /**
   * Writes chunks into open files, verified, in worker threads once there are many: so their bytes never come to this one. Some at a time,
   * in the order in which they lie in packs. Those that are damaged, missing, or refused by the disk are told, and the others go
   * on. The files must stay open until it has ended, which it does only when nothing is under way any more.
   */
  place<P extends Placement>(placements: readonly P[], options?: Signal): AsyncIterable<Placed<P>>
  /** Those of the chunks that an open file does not have where it should, read and hashed in worker threads once there are many. */
  compare<S extends Supposed>(fd: number, supposed: readonly S[]): Promise<readonly S[]>
  /** Looks for indexes and condemned packs that others have written since. */
  refresh(options?: Signal): Promise<void>
  /** Ends its worker threads. Idempotent. The store stays open. */
  close(): Promise<void>
}

export interface ChunkStore extends ChunkReader {
  /** 32 hex digits: the store's id. */
  readonly id: string
  /** How this store cuts and compresses: fixed when it first got chunks. */
  readonly parameters: ChunkParameters
  /** A session of writing: takes a lease, then looks at indexes and condemned packs anew. */
  startWriter(options: WriterOptions): Promise<ChunkWriter>
}

export interface ChunkStoreOptions {
  readonly clock: Clock
  /** A number in [0, 1). */
  readonly random: () => number
  /** For a store that never got chunks: how it shall cut and compress from now on. A store that has parameters keeps them. */
  readonly parameters?: ChunkParameters | undefined
  /** A directory for copies of indexes, `$XDG_CACHE_HOME/holdfast/<store id>` by habit; may be deleted at any time. */
  readonly cache?: string | undefined
  /** Threads that read, cut, hash and compress; `availableParallelism()`, at most 4. They start once there is enough to do; 0 for none. */
  readonly workers?: number | undefined
  readonly report?: Report | undefined
  readonly signal?: AbortSignal | undefined
}

export type OpenReaderOptions = Partial<Pick<ChunkStoreOptions, 'cache' | 'workers' | 'report' | 'signal'>>

export interface ChunkLocation {
  readonly pack: Digest
  readonly kind: ChunkKind
  /** Where the block begins in the pack that holds the chunk. */
  readonly blockOffset: number
  /** Bytes of that block in the pack, and decompressed. */
  readonly blockStored: number
  readonly blockPlain: number
  /** Where the chunk begins in the block, once that is decompressed. */
  readonly offset: number
  /** Plain bytes. */
  readonly length: number
  /** In a pack that a prune has condemned. */
  readonly isCondemned: boolean
}

export interface WriterOptions extends Signal {
  /** Who writes, for people who look at leases: `user@host`. */
  readonly by: string
}

/** What a file was when it was decided to read it. What differs when it is read has changed since. */
export interface ExpectedFile {
  readonly size: number
  readonly mtimeNs: bigint
  readonly ctimeNs: bigint
  readonly ino: bigint
  readonly dev: bigint
}

export interface AddFileOptions {
  /** The parts that have data, in order, where the file is sparse: only they are read, as if they followed each other. */
  readonly extents?: readonly { readonly start: number; readonly end: number }[] | undefined
}

export interface IngestedFile {
  /** As it was when the bytes were read: equal to what was expected, or what it had become. */
  readonly stat: ExpectedFile
  /** Of all bytes, or of those within the extents. */
  readonly chunks: ChunkList
  /** It changed during each of four readings: the chunks are those of the last one, and may mix several states. */
  readonly changedWhileRead: boolean
}

/**
 * A session of writing. Add, `finish`, then `publish`; or `abort`. Everything that was added is durable, and is found by others, when
 * `finish` has resolved. The lease protects it, and all that `has` told, until `publish` or `abort` ends.
 * Every verb throws `busy` once the lease has been lost, as after a laptop slept: begin again then.
 */
export interface ChunkWriter {
  /** It need not be added again: it was there before, or this session stores it. Chunks of files may be told of a little later. */
  has(id: Digest): boolean
  /**
   * Reads, cuts, hashes, compresses and packs in worker threads. Small files travel together, so keep `width` calls open at a time.
   * A symbolic link or anything else than a plain file is `invalid`; a file that is gone is `not-found`: the session goes on.
   */
  addFile(path: string | Buffer, expected: ExpectedFile, options?: AddFileOptions): Promise<IngestedFile>
  /** How many calls of `addFile` should be open at once. */
  readonly width: number
  /** For nodes and small things, at most 4 MiB. What is there already is not stored again. */
  addBytes(bytes: Uint8Array, kind: ChunkKind): Promise<Digest>
  /** Writes what is left, and the index. */
  finish(): Promise<WriterStats>
  /** Runs the move of a ref while the lease is surely held, then gives up the lease. After `finish` only. */
  publish<T>(move: () => Promise<T>): Promise<T>
  /** Gives up. Packs that were written stay until a prune. Idempotent; after `publish` it does nothing. */
  abort(): Promise<void>
}

export interface WriterStats {
  /** Plain bytes of files that were read. */
  readonly read: number
  readonly chunks: { readonly added: number; readonly known: number }
  /** Plain bytes that the store did not have. */
  readonly added: number
  /** Bytes of packs and index written. */
  readonly stored: number
  readonly packs: number
}
