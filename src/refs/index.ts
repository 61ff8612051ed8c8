/**
 * Names that move: a record each, replaced by compare-and-swap on the store itself, with its history inside.
 *
 * Promises: a reader sees one whole state; of two movers one is first and the other plans again or is told; a move is
 * applied once, also when its answer was lost; what a state reaches is written with it.
 * Never does: lock, delete, or write what the state reaches.
 */
export { moveRef, type Moved, type MoveOptions, type Next, type RefContext } from './move.ts'
export { type Found, listRefNames, readRef } from './read.ts'
export {
  digestShape,
  maxRefBytes,
  type Move,
  parseRef,
  type Reach,
  reachShape,
  type Ref,
  refFormat,
  refKey,
  type RefKind,
  refNameOf,
} from './record.ts'
