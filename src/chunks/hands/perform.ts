import type { FaultCode } from '../../kit/index.ts'
import { openBlock, type OpenedBlock } from '../pack/open-block.ts'
import type { StoredBlock } from '../pack/block.ts'
import { compareChunks } from '../placing/compare.ts'
import { type BlocksToPlace, placeBlocks, type PlacedBlocks } from '../placing/place-blocks.ts'

/** What a thread can be asked to do, and what it answers. All of it travels by message. */
export interface Work {
  readonly open: { readonly task: OpenTask; readonly answer: OpenedBlock }
  readonly place: { readonly task: BlocksToPlace; readonly answer: PlacedBlocks }
  readonly compare: { readonly task: Uint8Array<ArrayBuffer>; readonly answer: Uint32Array<ArrayBuffer> }
}

export interface OpenTask {
  readonly stored: StoredBlock
  readonly plain: number
  readonly chunks: Uint8Array
  readonly at: string
}

export type WorkKind = keyof Work

export interface Asked {
  readonly number: number
  readonly kind: WorkKind
  readonly task: Work[WorkKind]['task']
}

export type Answered =
  | { readonly number: number; readonly answer: Work[WorkKind]['answer'] }
  | {
      readonly number: number
      readonly fault: {
        readonly code: FaultCode
        readonly message: string
        readonly at: string | undefined
        readonly hint: string | undefined
      }
    }

/** Does it in the thread that calls. */
export function perform<Kind extends WorkKind>(kind: Kind, task: Work[Kind]['task']): Work[Kind]['answer'] {
  return doers[kind](task)
}

const doers: { readonly [Kind in WorkKind]: (task: Work[Kind]['task']) => Work[Kind]['answer'] } = {
  open: ({ stored, plain, chunks, at }) => openBlock(stored, plain, chunks, at),
  place: placeBlocks,
  compare: compareChunks,
}
