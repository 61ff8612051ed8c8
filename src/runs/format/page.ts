import type { Digest } from '../../kit/index.ts'
import type { RunKey } from './place.ts'

/** A file of a run, as its page has it. */
export interface RunFile {
  /** Relative to the run's folder. */
  readonly path: string
  readonly size: number
  /** Milliseconds since 1970: a hint, the digest decides. */
  readonly mtime: number
  readonly digest: Digest
  /** 1: metadata, 2: essential, 0: any other. */
  readonly priority: number
  /** What the file's first bytes were, of a file that only grew: ascending, each proven when the file was hashed. */
  readonly marks: readonly Mark[]
}

/** The SHA-256 of the first `offset` bytes. */
export interface Mark {
  readonly offset: number
  readonly digest: Digest
}

/** A run page. */
export interface RunPage extends RunKey {
  readonly status: string
  /** Milliseconds since 1970, as is `updatedAt`: the time of its newest file. */
  readonly createdAt: number
  readonly updatedAt: number
  readonly tags: readonly string[] | null
  /** In the order of their paths' bytes. */
  readonly files: readonly RunFile[]
  /** What could not be read or has a name that cannot be synced, and why. */
  readonly unreadable: readonly (readonly [path: string, why: string])[]
  /** Only what a manifest of format 1.0 lists is here: a file that is not may be there all the same. */
  readonly lists?: 'metadata' | undefined
}

/** A run in a shard. */
export interface ShardRow {
  readonly name: string
  readonly runId: string
  readonly status: string
  readonly createdAt: number
  readonly updatedAt: number
  /** Of the run page. */
  readonly page: Digest
  readonly files: number
  readonly bytes: number
}

/** A shard in a project page. */
export interface ProjectRow {
  /** Of the shard. */
  readonly shard: Digest
  readonly firstRunId: string
  readonly lastRunId: string
}

/** A project in the table. */
export interface TableRow {
  readonly project: string
  /** Of the project page. */
  readonly page: Digest
  readonly runs: number
  readonly files: number
  readonly bytes: number
}

/** A run in the page of active runs. */
export interface ActiveRow extends RunKey {
  /** Of the run page. */
  readonly page: Digest
}

/** A pack in the table of packs, oldest first. */
export interface PackRow {
  /** 64 hex digits: the SHA-256 of all its bytes. */
  readonly name: string
  readonly size: number
  readonly indexOffset: number
  readonly indexLength: number
  readonly firstRevision: number
  readonly lastRevision: number
}
