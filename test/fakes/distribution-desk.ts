import { bytesOf, type Digest, systemClock } from '../../src/kit/index.ts'
import { createMemoryStore, createMeter, meteredStore, type ObjectInfo, type ObjectStore } from '../../src/store/index.ts'

/** A place with distributions in it, and what reading them costs. */
export interface DistributionDesk {
  readonly store: ObjectStore
  put(distribution: { readonly file: string; readonly bytes: Uint8Array }): Promise<ObjectInfo>
  /** Gets, and bytes read, since the last look. */
  cost(): { gets: number; bytes: number }
  /** The same place, which tells that digest of every object. */
  telling(digest: Digest): ObjectStore
}

export function distributionDesk(): DistributionDesk {
  const meter = createMeter()
  const store = meteredStore(createMemoryStore({ clock: systemClock }), meter)
  const seen = { gets: 0, bytes: 0 }
  return {
    store,
    put: async ({ file, bytes }) => await store.put(file, bytesOf(bytes)),
    cost() {
      const { operations, bytes } = meter.snapshot()
      const cost = { gets: operations.get - seen.gets, bytes: bytes.read - seen.bytes }
      Object.assign(seen, { gets: operations.get, bytes: bytes.read })
      return cost
    },
    telling: (digest) => ({
      ...store,
      async get(key, options) {
        const body = await store.get(key, options)
        return { ...body, [Symbol.asyncIterator]: () => body[Symbol.asyncIterator](), info: { ...body.info, digest } }
      },
    }),
  }
}
