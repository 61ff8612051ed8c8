import type { ObjectStore } from '../../src/store/index.ts'

/** A store whose user gives others a turn before and after each operation, now and then several, and after so many of the rows of a listing. */
export function yieldingStore(store: ObjectStore, random: () => number, listed = 0.2): ObjectStore {
  const turns = async () => {
    for (let left = Math.floor(random() * 4); left > 0; left--) await new Promise((resolve) => setImmediate(resolve))
  }
  const around = async <T>(work: () => Promise<T>): Promise<T> => {
    await turns()
    const result = await work()
    await turns()
    return result
  }
  return {
    ...store,
    near: store.near && { ...store.near, copyFrom: (...args) => around(() => store.near!.copyFrom(...args)) },
    head: (...args) => around(() => store.head(...args)),
    get: (...args) => around(() => store.get(...args)),
    put: (...args) => around(() => store.put(...args)),
    delete: (...args) => around(() => store.delete(...args)),
    async *list(...args) {
      await turns()
      for await (const info of store.list(...args)) {
        yield info
        if (listed === 1 || random() < listed) await turns()
      }
    },
  }
}
