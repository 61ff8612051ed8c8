import { checkKey, Fault } from '../../kit/index.ts'
import type { ObjectInfo, ObjectStore } from '../store.ts'

/** What lies under a prefix, as a store of its own. The prefix ends with a slash: `invalid` otherwise. */
export function prefixedStore(store: ObjectStore, prefix: string): ObjectStore {
  if (!prefix.endsWith('/')) throw new Fault('invalid', `a prefix ends with a slash: ${JSON.stringify(prefix)}`)
  checkKey(prefix.slice(0, -1))
  const inner = (key: string): string => {
    checkKey(key)
    return prefix + key
  }
  const outer = (info: ObjectInfo): ObjectInfo => ({ ...info, key: info.key.slice(prefix.length) })
  return {
    ...store,
    name: `${store.name.replace(/\/$/, '')}/${prefix.slice(0, -1)}`,
    near: store.near && {
      place: store.near.place,
      address: (key) => store.near!.address(prefix + key),
      copyFrom: async (address, key, options) => outer(await store.near!.copyFrom(address, inner(key), options)),
    },
    async head(key, options) {
      const info = await store.head(inner(key), options)
      return info && outer(info)
    },
    async get(key, options) {
      const body = await store.get(inner(key), options)
      const { length, rewindable } = body
      return { info: outer(body.info), length, rewindable, [Symbol.asyncIterator]: () => body[Symbol.asyncIterator]() }
    },
    reader:
      store.reader &&
      (async (key, options) => {
        const reader = await store.reader!(inner(key), options)
        return { ...reader, info: outer(reader.info) }
      }),
    put: async (key, body, options) => outer(await store.put(inner(key), body, options)),
    delete: async (key, options) => await store.delete(inner(key), options),
    sweep: store.sweep && ((age, options = {}) => store.sweep!(age, { ...options, prefix: prefix + (options.prefix ?? '') })),
    async *list(within, { after, ...options } = {}) {
      const listing = store.list(prefix + within, after === undefined ? options : { ...options, after: prefix + after })
      for await (const info of listing) {
        // A bucket may hold an object that is called like the prefix itself.
        if (info.key.length > prefix.length) yield outer(info)
      }
    },
  }
}
