import type { Clock } from '../kit/index.ts'
import { type Document, documentOf } from './json.ts'

/** Documents that are given to others who ask the same. */
export interface KeptDocuments {
  /** The one that is being made, or was made within `freshFor` milliseconds; else what `make` finds, as a document. What fails is not kept. */
  give(key: string, freshFor: number, make: () => Promise<unknown>): Promise<Document>
  forget(): void
}

/** So many, and bytes of all together: anyone may ask for pages of any size. */
const mostKept = 1_000
const mostBytes = 64 << 20
/** Milliseconds that one which is being made is waited for before another is begun. */
const patience = 30_000

interface Kept {
  readonly at: number
  readonly document: Promise<Document>
  /** Undefined until it is made. */
  bytes: number | undefined
}

/** What was made first goes first. */
export function keepDocuments(clock: Pick<Clock, 'now'>): KeptDocuments {
  const kept = new Map<string, Kept>()
  let bytes = 0
  const drop = (key: string) => {
    bytes -= kept.get(key)?.bytes ?? 0
    kept.delete(key)
  }
  const makeRoom = () => {
    for (const oldest of kept.keys()) {
      if (kept.size <= mostKept && bytes <= mostBytes) return
      drop(oldest)
    }
  }
  const settle = (key: string, own: Kept, made: Document) => {
    if (kept.get(key) !== own) return
    own.bytes = made.bytes.byteLength + (made.zipped?.byteLength ?? 0)
    bytes += own.bytes
    makeRoom()
  }
  return {
    async give(key, freshFor, make) {
      const known = kept.get(key)
      const age = known === undefined ? Infinity : clock.now() - known.at
      const longest = known?.bytes === undefined ? Math.max(freshFor, patience) : freshFor
      if (known !== undefined && age >= 0 && age < longest) return await known.document
      const own: Kept = { at: clock.now(), document: make().then(documentOf), bytes: undefined }
      drop(key)
      kept.set(key, own)
      makeRoom()
      own.document.then(
        (made) => settle(key, own, made),
        () => kept.get(key) === own && drop(key),
      )
      return await own.document
    },
    forget() {
      kept.clear()
      bytes = 0
    },
  }
}
