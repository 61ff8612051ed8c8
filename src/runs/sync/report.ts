import type { Fault } from '../../kit/index.ts'
import type { Failure } from './state/plan.ts'

/** The ways of finding out what there is, best first: pages, a manifest of format 1.0, a walk over everything. */
export type Way = 'pages' | 'manifest' | 'walk'

/** A way that could not be gone, and why. */
export interface FellBack {
  readonly from: Way
  readonly to: Way
  readonly because: Fault
}

/** What a sync came to. */
export interface SyncStats {
  /** Nothing had to be done. */
  readonly skipped: boolean
  readonly reason: string | undefined
  readonly way: Way
  readonly fellBack: readonly FellBack[]
  /** Of the source's list; undefined where a way has none. */
  readonly revision: number | undefined
  /** When the list was made, in milliseconds since 1970, by the source's clock. */
  readonly generated: number | undefined
  /** Runs that were looked at. */
  readonly runs: number
  /** Files put in place, and how many of them only grew. */
  readonly filesSynced: number
  readonly filesAppended: number
  /** Files that were right here before a sync had written them. */
  readonly filesAdopted: number
  readonly filesDeleted: number
  /** Files that the source does not have any more, and that stay here. */
  readonly filesKept: number
  /** Bytes of the files that were written; of a file that grew, those that were added. */
  readonly bytesWritten: number
  /** Bytes that came from the source, all counted. */
  readonly bytesDownloaded: number
  /** Objects opened and listings begun at the source. */
  readonly operations: number
  readonly filesOpened: number
  /** Files set right that an interrupted sync had left half done. */
  readonly recovered: number
  readonly failures: { readonly count: number; readonly first: readonly Failure[] }
}

/** How many failures are told one by one. */
export const mostTold = 20
