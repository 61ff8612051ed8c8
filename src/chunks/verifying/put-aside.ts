import { isFault } from '../../kit/index.ts'
import { copy, type ObjectStore, type Signal } from '../../store/index.ts'

/** Keeps a copy of what is damaged, for people to look at, and gives its key; undefined where there is nothing any more. */
export async function putAside(store: ObjectStore, key: string, { signal }: Signal): Promise<string | undefined> {
  const aside = `quarantine/${key}`
  try {
    await copy(store, key, store, aside, { signal })
    return aside
  } catch (error) {
    if (isFault(error, 'not-found')) return undefined
    throw error
  }
}
