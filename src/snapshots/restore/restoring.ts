import type { ChunkStore } from '../../chunks/index.ts'
import type { Clock, Fault, Report } from '../../kit/index.ts'
import type { AccountCalls, Held } from '../../kit/sys/index.ts'
import type { Shortfall } from '../attributes/index.ts'
import type { Problems } from '../create/problems.ts'
import type { KnownDirectory, KnownEntry } from '../stat-index/record.ts'
import type { StatIndex, StatIndexWriter } from '../stat-index/stat-index.ts'
import type { Entry } from '../tree/entry.ts'
import type { ByteText } from '../tree/name.ts'
import type { Flushing } from './flushing.ts'
import type { FileJob } from './job.ts'
import type { ChunkStretch } from './local-file.ts'
import type { HeldMark } from './mark.ts'

/** One restore while it goes on. */
export interface Restoring {
  readonly chunks: ChunkStore
  /** Undefined in a dry run, which touches nothing. */
  readonly mark: HeldMark | undefined
  /** A killed restore was here before: what it left under temporary names goes. */
  readonly isTakenOver: boolean
  readonly removesForeign: boolean
  readonly allowDevices: boolean
  readonly included: Inclusion
  /** Below the restored part: directories that the snapshot has only on the way to what it is of. Nothing in them is foreign. */
  readonly passing: ReadonlySet<ByteText>
  /** Where the restored part is in the snapshot, as the targets of hard links name it: `a/b/`, or nothing. */
  readonly start: ByteText
  readonly known: StatIndex | undefined
  /** Undefined where what was found out is not kept. */
  readonly index: (() => StatIndexWriter) | undefined
  readonly shortfall: Shortfall
  readonly owners: AccountCalls
  readonly problems: Problems
  readonly counts: RestoreCounts
  /** What was written into files, in bytes. */
  readonly written: { bytes: number }
  readonly report: Report
  readonly clock: Clock
  readonly signal: AbortSignal | undefined
  readonly windows: Windows
  readonly flushing: Flushing
  /** Runs it beside the walk; returns when there is room for more. What it throws ends the restore. */
  readonly later: (work: () => Promise<void>) => Promise<void>
  /** Hard links, made when all files are what they should be. */
  readonly links: LinkWork[]
  /** The first restored name of files whose own first name is not restored. */
  readonly leaders: Map<ByteText, ByteText>
  /** Files with several names that were left as they are, and which file of the snapshot each is. */
  readonly keptLinks: Map<string, ByteText>
}

export interface RestoreCounts {
  unchanged: number
  /** Files written whole. */
  written: number
  /** Files of which only blocks were written. */
  patched: number
  /** Entries whose content stood and whose attributes were set. */
  attributes: number
  directories: number
  /** Symbolic and hard links, pipes and devices that were made. */
  others: number
  removed: number
  /** Bytes of chunks that were needed. */
  fetched: number
}

export interface FileWork {
  readonly job: FileJob
  readonly directory: Directory
  readonly entry: Entry
  /** Chunks that are not in it yet, and one while more may come. */
  left: number
  /** Why it cannot be made. */
  failure: Fault | undefined
}

/** Collects files that lack chunks, and fetches for many at a time, so that what lies together in a pack is read once. */
export interface Windows {
  /** A file that will lack some. */
  begin(work: Pick<FileWork, 'job' | 'directory' | 'entry'>): FileWork
  /** Some that it lacks; returns when there is room for more. */
  push(work: FileWork, missing: readonly ChunkStretch[]): Promise<void>
  /** It lacks no more than was pushed; or it cannot be made. */
  seal(work: FileWork, failure?: Fault): void
  /** All of them. */
  end(): Promise<void>
  /** After a failure: leaves no temporary file behind. */
  drop(): Promise<void>
}

export interface LinkWork {
  readonly directory: Directory
  readonly entry: Entry & { readonly kind: 'hardlink' }
  /** Of the file that it is another name of, below the restored part. */
  readonly leader: ByteText
}

/** What of the tree is meant. */
export interface Inclusion {
  readonly isAll: boolean
  /** Whether the entry, or anything below it, is to be restored. */
  has(below: ByteText): boolean
  /** Whether all that is below it is. */
  hasAllOf(below: ByteText): boolean
}

/** A directory that is being restored. It is finished when nothing in it is under way any more. */
export interface Directory {
  readonly outer: Directory | undefined
  readonly name: ByteText
  /** Below the restored part. */
  readonly below: ByteText
  /** By name, for looking; all that is done goes through `held`. */
  readonly path: ByteText
  /** Undefined for a target that only takes one file. */
  readonly entry: (Entry & { readonly kind: 'directory' }) | undefined
  /** It was there before. */
  exists: boolean
  held: Held | undefined
  /** Work that goes through `held`. */
  active: number
  /** That, directories in it that are not finished, and links to come. */
  pending: number
  /** Its attributes are to be set at the end. */
  isTouched: boolean
  /** Its entries could not be dealt with. */
  isBroken: boolean
  readonly known: KnownDirectory | undefined
  /** What it should hold; undefined where all entries are those that the index knows. */
  wanted: readonly Entry[] | undefined
  /** Entries that are as the index knows them. */
  readonly same: Map<ByteText, KnownEntry>
  /** Of those, hard links that were made anew. */
  readonly relinked: Set<ByteText>
  readonly failed: Set<ByteText>
  /** Finished directories in it: where their record is, or that it is the one that was. */
  readonly records: Map<ByteText, number | 'same'>
}
