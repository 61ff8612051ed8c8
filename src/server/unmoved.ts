import type { ObjectStore } from '../store/index.ts'

/** Gives again what was made of some keys, as long as a listing says that none of them has changed: no ref is parsed twice. */
export type WhileUnmoved = <T>(key: string, prefixes: readonly string[], make: () => Promise<T>) => Promise<T>

/** Things that are kept; what was used last stays. */
const mostKept = 100

/** The store is expected to remember its listings for a moment. What is made is shared, so nobody may change it. */
export function whileUnmoved(store: ObjectStore): WhileUnmoved {
  const kept = new Map<string, { readonly print: string; readonly made: Promise<unknown> }>()
  return async <T>(key: string, prefixes: readonly string[], make: () => Promise<T>) => {
    const print = await fingerprint(store, prefixes)
    const known = kept.get(key)
    const entry = known?.print === print ? known : { print, made: make() }
    kept.delete(key)
    kept.set(key, entry)
    for (const oldest of kept.keys()) {
      if (kept.size <= mostKept) break
      kept.delete(oldest)
    }
    entry.made.catch(() => kept.get(key) === entry && kept.delete(key))
    // One key is always made by the same function.
    return (await entry.made) as T
  }
}

async function fingerprint(store: ObjectStore, prefixes: readonly string[]): Promise<string> {
  const parts: string[] = []
  for (const prefix of prefixes) for await (const { key, etag } of store.list(prefix)) parts.push(key, etag)
  return parts.join('\n')
}
