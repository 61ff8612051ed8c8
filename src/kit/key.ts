import { Fault } from './fault.ts'

/** Bytes of UTF-8: the limit of S3, kept for every driver so that a store can be copied anywhere. */
export const maxKeyBytes = 1024
/** Bytes of UTF-8 between two slashes: the limit of Linux file systems. */
export const maxSegmentBytes = 255
/** Names that begin so belong to the drivers. */
export const reservedStart = '.~'

/**
 * Throws `invalid` unless the key may be written: segments joined by single slashes, none of them empty, `.`, `..` or
 * beginning with `.~`; no control characters; well-formed Unicode; at most 1,024 bytes, 255 a segment. `called` is what its user calls it.
 */
export function checkKey(key: string, called = 'key'): void {
  const wrong = whatIsWrong(key)
  if (wrong !== undefined) throw new Fault('invalid', `not a usable ${called}: ${wrong}: ${JSON.stringify(shorten(key))}`)
}

/** Whether `checkKey` lets it through. */
export function isKey(key: string): boolean {
  return whatIsWrong(key) === undefined
}

function whatIsWrong(key: string): string | undefined {
  if (key === '') return 'it is empty'
  if (!key.isWellFormed()) return 'it is not well-formed Unicode'
  // oxlint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f]/.test(key)) return 'it has a control character'
  if (Buffer.byteLength(key) > maxKeyBytes) return `it is longer than ${maxKeyBytes} bytes`
  for (const segment of key.split('/')) {
    if (segment === '') return 'it has an empty segment'
    if (segment === '.' || segment === '..') return `it has the segment ${segment}`
    if (segment.startsWith(reservedStart)) return `it has a segment that begins with ${reservedStart}`
    if (Buffer.byteLength(segment) > maxSegmentBytes) return `it has a segment longer than ${maxSegmentBytes} bytes`
  }
  return undefined
}

/** Orders keys by their UTF-8 bytes, as S3 lists them. (UTF-16 order differs where surrogates are.) */
export function compareKeys(a: string, b: string): number {
  if (a === b) return 0
  const length = Math.min(a.length, b.length)
  let at = 0
  while (at < length && a.charCodeAt(at) === b.charCodeAt(at)) at++
  if (at === length) return a.length < b.length ? -1 : 1
  const x = a.charCodeAt(at)
  const y = b.charCodeAt(at)
  const xSurrogate = x >= 0xd800 && x <= 0xdfff
  const ySurrogate = y >= 0xd800 && y <= 0xdfff
  if (xSurrogate !== ySurrogate) return xSurrogate ? 1 : -1
  return x < y ? -1 : 1
}

function shorten(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 77)}...`
}
