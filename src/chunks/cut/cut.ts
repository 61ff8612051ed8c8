import { gearTable } from './gear.ts'

/** Bytes. Content-defined chunks are between `min` and `max` long, except for the last one of a stream. */
export interface CutSizes {
  readonly min: number
  /** A power of two. */
  readonly average: number
  readonly max: number
}

/**
 * Finds where a chunk that begins at `start` ends: a position after `start`, at most `end`. There must be `max` bytes from `start`
 * to `end`, or the stream must end at `end`.
 */
export interface Cutter {
  /** Where the bytes to cut are put. */
  readonly bytes: Uint8Array
  cut(start: number, end: number): number
}

/** Before the average size a cut is four times rarer than 1 in `average`, behind it four times more frequent (FastCDC, normalisation level 2). */
export function masksFor({ average }: CutSizes): { readonly before: number; readonly after: number } {
  const bits = Math.log2(average)
  const top = (count: number) => (-1 << (32 - count)) | 0
  return { before: top(bits + 2), after: top(bits - 2) }
}

export interface Bounds {
  /** The first byte that is hashed. */
  readonly from: number
  readonly normal: number
  readonly last: number
}

export function boundsOf(sizes: CutSizes, start: number, end: number): Bounds {
  const last = Math.min(end, start + sizes.max)
  return { from: start + sizes.min, normal: Math.min(last, start + sizes.average), last }
}

/** In plain JavaScript, for where WebAssembly is not to be had: two bytes a turn, the same cuts. */
export function jsCutter(sizes: CutSizes, size: number): Cutter {
  const bytes = new Uint8Array(size)
  const gear = gearTable()
  const doubled = gear.map((number) => number << 1)
  const { before, after } = masksFor(sizes)

  const scan = (from: number, to: number, mask: number, hash: number): { at: number; hash: number } => {
    let at = from
    for (; at + 2 <= to; at += 2) {
      const first = bytes[at]!
      if ((((hash << 1) + gear[first]!) & mask) === 0) return { at: at + 1, hash: 0 }
      hash = ((hash << 2) + doubled[first]! + gear[bytes[at + 1]!]!) | 0
      if ((hash & mask) === 0) return { at: at + 2, hash: 0 }
    }
    if (at < to) {
      hash = ((hash << 1) + gear[bytes[at]!]!) | 0
      if ((hash & mask) === 0) return { at: at + 1, hash: 0 }
    }
    return { at: -1, hash }
  }
  return {
    bytes,
    cut(start, end) {
      const { from, normal, last } = boundsOf(sizes, start, end)
      if (from >= last) return last
      const early = scan(from, normal, before, 0)
      if (early.at !== -1) return early.at
      const late = scan(Math.max(from, normal), last, after, early.hash)
      return late.at === -1 ? last : late.at
    },
  }
}
