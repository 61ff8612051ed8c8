import type { ObjectStore } from '../../src/store/index.ts'

/** What dies, and when. */
export interface Life {
  /** Operations so far. */
  readonly count: number
  /** Resolves at the end of its user's life. */
  readonly died: Promise<'died'>
}

export interface DyingStore extends Life {
  readonly store: ObjectStore
}

/**
 * A store whose user dies at operation `at`, counted from 1: just before it, or just after it was applied. From then on nothing of the
 * user runs: whatever it waits for never comes.
 */
export function dyingStore(inner: ObjectStore, at: number, when: 'before' | 'after'): DyingStore {
  const { life, stores } = dyingStores([inner], at, when)
  return {
    get count() {
      return life.count
    },
    died: life.died,
    store: stores[0]!,
  }
}

/** The same of a user who has several stores; operations are counted over all of them. */
export function dyingStores(
  inners: readonly ObjectStore[],
  at: number,
  when: 'before' | 'after',
): { readonly life: Life; readonly stores: readonly ObjectStore[] } {
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
  const life: Life = {
    get count() {
      return count
    },
    died: end.promise,
  }
  const stores = inners.map((inner): ObjectStore => ({
    ...inner,
    near: inner.near && { ...inner.near, copyFrom: (...args) => step(() => inner.near!.copyFrom(...args)) },
    head: (...args) => step(() => inner.head(...args)),
    get: (...args) => step(() => inner.get(...args)),
    put: (...args) => step(() => inner.put(...args)),
    delete: (...args) => step(() => inner.delete(...args)),
    async *list(...args) {
      await step(async () => undefined)
      yield* inner.list(...args)
    },
  }))
  return { life, stores }
}
