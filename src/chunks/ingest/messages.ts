import type { Digest, FaultCode } from '../../kit/index.ts'
import type { CutSizes } from '../cut/cut.ts'
import type { PackBody } from '../pack/packer.ts'
import type { ExpectedFile } from '../chunk-store.ts'

/** What the main thread asks of a lane: a thread, or a place in its own. */
export type ToLane =
  | { readonly type: 'begin'; readonly writer: string; readonly lane: number; readonly sizes: CutSizes; readonly level: number }
  | { readonly type: 'read'; readonly job: number; readonly parts: readonly PartToRead[] }
  /** For each chunk asked about, 1 where it is to be stored. */
  | { readonly type: 'verdict'; readonly isNew: Uint8Array }
  /** A pack of this lane is in the store. */
  | { readonly type: 'written' }
  /** What is left is to be handed over. */
  | { readonly type: 'flush' }

export type FromLane =
  /** 36 bytes a chunk: id and length. Answered by `verdict`, in order. */
  | { readonly type: 'ask'; readonly refs: Uint8Array }
  | {
      readonly type: 'pack'
      readonly id: Digest
      readonly size: number
      readonly pieces: readonly Uint8Array[]
      readonly trailer: Uint8Array
    }
  | { readonly type: 'done'; readonly job: number; readonly results: readonly PartResult[] }
  | { readonly type: 'flushed'; readonly body: PackBody | undefined }
  | { readonly type: 'failed'; readonly fault: PlainFault }

/** A file, or a stretch of a large one. */
export interface PartToRead {
  readonly path: string | Uint8Array
  readonly expected: ExpectedFile
  readonly extents: readonly Extent[] | undefined
  /** Chunks that begin at or after `from` and before `to` are wanted; positions count within the extents. */
  readonly from: number
  readonly to: number
  /** Where cutting begins: a chunk is known to begin here, or it is far enough before `from` for the cuts to fall into step. */
  readonly start: number
}

export interface Extent {
  readonly start: number
  readonly end: number
}

export type PartResult =
  | {
      /** Undefined where it is as it was expected. */
      readonly stat: ExpectedFile | undefined
      readonly refs: Uint8Array
      /** Where the first chunk begins and the last one ends. */
      readonly first: number
      readonly last: number
      readonly changed: boolean
    }
  | { readonly fault: PlainFault }

/** A fault that travels between threads. */
export interface PlainFault {
  readonly code: FaultCode
  readonly message: string
  readonly at: string | undefined
  readonly hint: string | undefined
}
