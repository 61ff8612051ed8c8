import { Fault } from '../kit/index.ts'
import type { GetOptions } from './store.ts'

/** The asked range as whole numbers within an object of `size` bytes; the whole object where none is asked. Throws `invalid`. */
export function rangeWithin(range: GetOptions['range'], size: number, at: string): { start: number; end: number } {
  if (range === undefined) return { start: 0, end: size }
  checkRange(range, at)
  if (range.start >= size) {
    throw new Fault('invalid', `the range starts at byte ${range.start}, and the object has ${size} bytes`, { at })
  }
  return { start: range.start, end: Math.min(range.end ?? size, size) }
}

/** Throws `invalid` for a range that no object has, before anything is asked of a store. */
export function checkRange(range: NonNullable<GetOptions['range']>, at: string): void {
  const { start, end } = range
  const usable = Number.isSafeInteger(start) && start >= 0 && (end === undefined || (Number.isSafeInteger(end) && end > start))
  if (!usable) throw new Fault('invalid', `not a range of bytes: from ${start} up to ${end ?? 'the end'}`, { at })
}

/** Throws `invalid` unless a reader can read it: within the object, and perhaps empty. */
export function checkReading(start: number, end: number, size: number, at: string): void {
  if (Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && start <= end && end <= size) return
  throw new Fault('invalid', `not a range within the ${size} bytes of the object: from ${start} up to ${end}`, { at })
}
