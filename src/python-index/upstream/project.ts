import type { Digest } from '../../kit/index.ts'
import type { SdistName, WheelName } from '../names/file-name.ts'
import type { ProjectStatus } from '../records/project.ts'

/** What an upstream index says of one project. */
export interface UpstreamProject {
  /** Normalised. */
  readonly name: string
  /** Of the page, without credentials. */
  readonly url: string
  /** In the page's order; no two of one name. */
  readonly files: readonly UpstreamFile[]
  /** Files of the page that nobody should take, up to `maxDropped`. */
  readonly dropped: readonly DroppedFile[]
  /** Files that are neither wheels nor source distributions in a form of today. */
  readonly others: number
  readonly status: ProjectStatus
}

export interface UpstreamFile {
  /** The file's name: one segment of a key. */
  readonly name: string
  /** What the name says; it is of this project. */
  readonly means: WheelName | SdistName
  /** http or https, without credentials. */
  readonly url: string
  /** Undefined where the page tells no SHA-256. */
  readonly digest?: Digest | undefined
  readonly size?: number | undefined
  /** ISO 8601, UTC. */
  readonly uploaded?: string | undefined
  readonly requiresPython?: string | undefined
  /** Why it is yanked; empty without a reason. */
  readonly yanked?: string | undefined
  /** Of the METADATA that stands at `url` + `.metadata`; undefined where it does not, or nothing could prove it. */
  readonly metadata?: Digest | undefined
  /** Where its provenance stands (PEP 740). */
  readonly provenance?: string | undefined
}

export interface DroppedFile {
  readonly name: string
  readonly reason: string
}

/** An entry of a page as it was written. */
export interface WrittenFile {
  readonly name: string
  readonly url: string
  readonly sha256?: string | undefined
  readonly size?: number | undefined
  readonly uploaded?: string | undefined
  readonly requiresPython?: string | undefined
  readonly yanked?: string | undefined
  readonly metadata?: string | undefined
  readonly provenance?: string | undefined
}

/** A page as it was written; whether it is to be believed is for `sift`. */
export interface WrittenPage {
  readonly files: readonly WrittenFile[]
  /** Entries that are not even that. */
  readonly dropped: readonly DroppedFile[]
  readonly status?: string | undefined
  readonly reason?: string | undefined
}

/** Bytes of a page. */
export const maxPageBytes = 64 << 20
/** Entries of a page. */
export const maxFiles = 200_000
export const maxDropped = 1_000
