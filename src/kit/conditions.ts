/** What a client holds already and wants: `If-None-Match`, `If-Modified-Since`, `Range`, `If-Range` (RFC 9110). */
export interface Version {
  /** Strong, with its quotes. */
  readonly etag: string
  /** Milliseconds since 1970; undefined where nobody knows. */
  readonly modified?: number | undefined
}

/** Headers of a request, by any spelling of a name; the web's `Headers` are such. */
export interface HeaderView {
  get(name: string): string | null
}

export type Wanted =
  | { readonly kind: 'not-modified' }
  | { readonly kind: 'whole' }
  /** From `start` up to and without `end`. */
  | { readonly kind: 'range'; readonly start: number; readonly end: number }
  | { readonly kind: 'unsatisfiable' }

/** What to answer with: 304, the whole, one range of it, or 416. */
export function whatIsWanted(headers: HeaderView, version: Version, size: number): Wanted {
  if (isHeld(headers, version)) return { kind: 'not-modified' }
  const range = headers.get('range')
  if (range === null || !isSameVersion(headers.get('if-range'), version)) return { kind: 'whole' }
  return rangeOf(range, size)
}

/** Whether the client has this very version. `If-None-Match` decides alone where it is given. */
export function isHeld(headers: HeaderView, version: Version): boolean {
  const tags = headers.get('if-none-match')
  if (tags !== null) return tags.trim() === '*' || tags.split(',').some((tag) => tag.trim().replace(/^W\//, '') === version.etag)
  const since = headers.get('if-modified-since')
  if (since === null || version.modified === undefined) return false
  const time = Date.parse(since)
  return !Number.isNaN(time) && wholeSeconds(version.modified) <= time
}

/** A range of another version would be a piece of something else: then the whole is given. */
function isSameVersion(condition: string | null, { etag, modified }: Version): boolean {
  if (condition === null) return true
  if (condition.trim().endsWith('"')) return condition.trim() === etag
  return modified !== undefined && Date.parse(condition) === wholeSeconds(modified)
}

/** One range of bytes; several at once and other units are not done, and whoever asks for them gets the whole. */
function rangeOf(text: string, size: number): Wanted {
  const match = /^\s*bytes\s*=\s*(\d{0,16})\s*-\s*(\d{0,16})\s*$/i.exec(text)
  if (match === null || (match[1] === '' && match[2] === '')) return { kind: 'whole' }
  if (match[1] === '') {
    const length = Math.min(Number(match[2]), size)
    return length === 0 ? { kind: 'unsatisfiable' } : { kind: 'range', start: size - length, end: size }
  }
  const start = Number(match[1])
  const last = match[2] === '' ? size - 1 : Number(match[2])
  if (match[2] !== '' && last < start) return { kind: 'whole' }
  return start >= size ? { kind: 'unsatisfiable' } : { kind: 'range', start, end: Math.min(last, size - 1) + 1 }
}

function wholeSeconds(time: number): number {
  return Math.floor(time / 1000) * 1000
}
