import { checkKey, Fault } from '../../kit/index.ts'
import type { ObjectStore } from '../store.ts'

/** The same store, in which nothing can be written or deleted: `denied`. */
export function readOnlyStore(store: ObjectStore): ObjectStore {
  const refuse = (key: string): never => {
    checkKey(key)
    throw new Fault('denied', `${store.name} is opened for reading only: ${key} was left as it is`, { at: `${store.name}/${key}` })
  }
  return {
    ...store,
    near: store.near && { ...store.near, copyFrom: async (_address, key) => refuse(key) },
    sweep: undefined,
    put: async (key) => refuse(key),
    delete: async (key) => refuse(key),
  }
}
