import * as v from 'valibot'
import { asFault, checkKey, type Digest, Fault, isDigest, isKey } from '../kit/index.ts'

/** One file, wheel, layer or object: where it is and what its bytes are. */
export interface Entry {
  /** Segments joined by `/`, relative to the root that the manifest describes; follows `checkEntryPath`. */
  readonly path: string
  /** Bytes. */
  readonly size: number
  readonly digest: Digest
  /** Permission bits, 0 to 0o7777; left out where the place knows none. */
  readonly mode?: number | undefined
}

export const maxMode = 0o7777

const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0))

export const entryShape = v.strictObject({
  path: v.pipe(v.string(), v.check(isKey, 'not a usable path')),
  size: whole,
  digest: v.custom<Digest>(isDigest, 'not a digest'),
  mode: v.exactOptional(v.pipe(whole, v.maxValue(maxMode))),
})

/**
 * Throws `invalid` unless the path stays below its root on every system: the rules of `checkKey`. A path that passes has
 * no empty, `.` or `..` segment, does not begin with `/`, and has no control character.
 */
export function checkEntryPath(path: string): void {
  try {
    checkKey(path, 'path')
  } catch (error) {
    throw new Fault('invalid', asFault(error).message, { hint: 'rename it, or leave it out' })
  }
}

/** Throws `invalid` unless every field is as the format wants it. */
export function checkEntry(entry: Entry): void {
  checkEntryPath(entry.path)
  if (!Number.isSafeInteger(entry.size) || entry.size < 0) throw wrong(entry, 'size', entry.size)
  if (!isDigest(entry.digest)) throw wrong(entry, 'digest', entry.digest)
  if (entry.mode !== undefined && !(Number.isInteger(entry.mode) && entry.mode >= 0 && entry.mode <= maxMode)) {
    throw wrong(entry, 'mode', entry.mode)
  }
}

/** Whether two entries of one path say the same. A mode on one side only is a difference. */
export function isSameEntry(a: Entry, b: Entry): boolean {
  return a.size === b.size && a.digest === b.digest && a.mode === b.mode
}

function wrong(entry: Entry, field: string, value: unknown): Fault {
  return new Fault('invalid', `the entry has an unusable ${field}: ${String(value)}`, { at: entry.path })
}
