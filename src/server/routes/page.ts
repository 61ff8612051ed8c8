import { Fault } from '../../kit/index.ts'

export interface Page<T> {
  readonly items: readonly T[]
  readonly total: number
  readonly next?: string
}

/** So many entries after a place that is named by an entry's own key: a list that changes meanwhile loses none and gives none twice. */
export function pageOf<T>(
  all: readonly T[],
  keyOf: (item: T) => string,
  { limit = 100, after }: { readonly limit?: number | undefined; readonly after?: string | undefined },
): Page<T> {
  const start = after === undefined ? 0 : placeAfter(all, keyOf, Buffer.from(after, 'base64url').toString())
  const items = all.slice(start, start + limit)
  const last = items.at(-1)
  if (last === undefined || start + limit >= all.length) return { items, total: all.length }
  return { items, total: all.length, next: Buffer.from(keyOf(last)).toString('base64url') }
}

function placeAfter<T>(all: readonly T[], keyOf: (item: T) => string, key: string): number {
  const found = all.findIndex((item) => keyOf(item) === key)
  if (found !== -1) return found + 1
  throw new Fault('invalid', 'the entry that the list before ended with is not there any more', { hint: 'begin again without `after`' })
}
