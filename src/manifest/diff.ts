import { compareKeys, Fault } from '../kit/index.ts'
import { type Entry, isSameEntry } from './entry.ts'

/** What becomes of one path on the way from one manifest to another. */
export type Change =
  | { readonly kind: 'add'; readonly path: string; readonly after: Entry }
  | { readonly kind: 'change'; readonly path: string; readonly before: Entry; readonly after: Entry }
  | { readonly kind: 'remove'; readonly path: string; readonly before: Entry }
  | { readonly kind: 'same'; readonly path: string; readonly before: Entry; readonly after: Entry }

/**
 * Merges two manifests into one change for each path, in byte order. Both must be in byte order and without duplicates;
 * otherwise it throws `invalid`. It holds one entry of each side at a time.
 */
export function* diffManifests(before: Iterable<Entry>, after: Iterable<Entry>): Generator<Change> {
  using left = ordered(before, 'first')
  using right = ordered(after, 'second')
  let a = left.next()
  let b = right.next()
  while (a !== undefined || b !== undefined) {
    const order = a === undefined ? 1 : b === undefined ? -1 : compareKeys(a.path, b.path)
    if (order < 0) {
      yield { kind: 'remove', path: a!.path, before: a! }
      a = left.next()
    } else if (order > 0) {
      yield { kind: 'add', path: b!.path, after: b! }
      b = right.next()
    } else {
      yield { kind: isSameEntry(a!, b!) ? 'same' : 'change', path: a!.path, before: a!, after: b! }
      a = left.next()
      b = right.next()
    }
  }
}

interface Cursor extends Disposable {
  next(): Entry | undefined
}

function ordered(entries: Iterable<Entry>, which: string): Cursor {
  const iterator = entries[Symbol.iterator]()
  let previous: string | undefined
  return {
    next() {
      const step = iterator.next()
      if (step.done === true) return undefined
      const { path } = step.value
      if (previous !== undefined && compareKeys(previous, path) >= 0) {
        throw new Fault('invalid', `the ${which} manifest is not in byte order: ${JSON.stringify(previous)} comes before it`, { at: path })
      }
      previous = path
      return step.value
    },
    [Symbol.dispose]: () => void iterator.return?.(),
  }
}
