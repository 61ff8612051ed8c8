import type { ObjectStore } from '../../src/store/index.ts'

export interface DyingStore {
  readonly store: ObjectStore
  /** Operations so far. */
  readonly count: number
  /** Resolves at the end of its user's life. */
  readonly died: Promise<'died'>
}

/**
 * A store whose user dies at operation `at`, counted from 1: just before it, or just after it was applied. From then on nothing of the
 * user runs: whatever it waits for never comes.
 */
export function dyingStore(inner: ObjectStore, at: number, when: 'before' | 'after'): DyingStore {
  const end = Promise.withResolvers<'died'>()
  const never = new Promise<never>(() => undefined)
  let count = 0
  const step = async <T>(work: () => Promise<T>): Promise<T> => {
    count++
    if (count > at || (count === at && when === 'before')) {
      end.resolve('died')
      return await never
    }
    const result = await work()
    if (count < at) return result
    end.resolve('died')
    return await never
  }
  return {
    get count() {
      return count
    },
    died: end.promise,
    store: {
      ...inner,
      head: (...args) => step(() => inner.head(...args)),
      get: (...args) => step(() => inner.get(...args)),
      put: (...args) => step(() => inner.put(...args)),
      delete: (...args) => step(() => inner.delete(...args)),
      async *list(...args) {
        await step(async () => undefined)
        yield* inner.list(...args)
      },
    },
  }
}
