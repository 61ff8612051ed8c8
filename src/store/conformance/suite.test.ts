import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesOf, collect, Fault, isFault, systemClock } from '../../kit/index.ts'
import { seededRandom, testSeed } from '../../../test/fakes/seeded-random.ts'
import { createMemoryStore, type ObjectStore } from '../index.ts'
import { runConformance } from './index.ts'

const env = { prefix: 'suite/', random: seededRandom(testSeed), scale: 'short', large: false } as const

async function firstFailure(store: ObjectStore): Promise<string | undefined> {
  for await (const { name, outcome } of runConformance({ ...env, open: async () => store })) if (outcome === 'failed') return name
  return undefined
}

/** Stores that break one promise each. */
const broken: Record<string, (store: ObjectStore) => Partial<ObjectStore>> = {
  'puts ignore their condition': (store) => ({ put: (key, body, options) => store.put(key, body, { ...options, if: undefined }) }),
  'conditions are looked at before the put and not in it': (store) => ({
    async put(key, body, { if: condition, ...options } = {}) {
      const info = await store.head(key)
      const holds = condition === undefined || (condition === 'absent' ? info === undefined : info?.etag === condition.etag)
      if (!holds) throw new Fault('precondition', 'lost')
      return await store.put(key, body, options)
    },
  }),
  'digests are not checked': (store) => ({ put: (key, body, options) => store.put(key, body, { ...options, digest: undefined }) }),
  'lengths are not checked': (store) => ({
    put: (key, body, options) => store.put(key, { rewindable: false, [Symbol.asyncIterator]: () => body[Symbol.asyncIterator]() }, options),
  }),
  'what there is of a broken body is kept': (store) => ({
    async put(key, body, options) {
      const parts = async function* () {
        try {
          yield* body
        } catch (error) {
          if (isFault(error, 'aborted')) throw error
        }
      }
      return await store.put(key, { rewindable: false, [Symbol.asyncIterator]: parts }, options)
    },
  }),
  'deleting the missing fails': (store) => ({
    async delete(key) {
      if ((await store.head(key)) === undefined) throw new Fault('not-found', 'not there')
      await store.delete(key)
    },
  }),
  'the missing is empty': (store) => ({ head: async (key) => (await store.head(key)) ?? { key, size: 0, etag: '', modified: 0 } }),
  'trouble becomes absence': (store) => ({ head: (key, options) => store.head(key, options).catch(() => undefined) }),
  'a list leaves its first key out': (store) => ({
    async *list(prefix, options) {
      let first = true
      for await (const info of store.list(prefix, options)) {
        if (!first) yield info
        first = false
      }
    },
  }),
  'a list ends with its first page': (store) => ({
    async *list(prefix, options) {
      let left = 1000
      for await (const info of store.list(prefix, options)) if (left-- > 0) yield info
    },
  }),
  'a list starts at after and not behind it': (store) => ({
    async *list(prefix, { after, ...options } = {}) {
      const info = after !== undefined && after.startsWith(prefix) ? await store.head(after).catch(() => undefined) : undefined
      if (info !== undefined) yield info
      yield* store.list(prefix, { ...options, after })
    },
  }),
  'keys are decoded': (store) => ({ put: (key, body, options) => store.put(key.replaceAll('%20', ' '), body, options) }),
  'Unicode is normalized': (store) => ({ put: (key, body, options) => store.put(key.normalize('NFC'), body, options) }),
  'a range ends one byte late': (store) => ({
    get: (key, { range, ...options } = {}) =>
      store.get(key, { ...options, range: range?.end === undefined ? range : { ...range, end: range.end + 1 } }),
  }),
  'etags are ignored by get': (store) => ({ get: (key, options) => store.get(key, { ...options, etag: undefined }) }),
  'a body gives whatever is there when it is read': (store) => ({
    async get(key, options) {
      const body = await store.get(key, options)
      const pieces = async function* () {
        for (let at = 0; at < body.length; at += 1 << 20) {
          const now = await collect(await store.get(key), 1 << 30)
          yield now.subarray((options?.range?.start ?? 0) + at, Math.min((options?.range?.start ?? 0) + body.length, at + (1 << 20)))
        }
      }
      return { ...body, [Symbol.asyncIterator]: pieces }
    },
  }),
  'a reader gives whatever is there when it reads': (store) => ({
    async reader(key) {
      const info = (await store.head(key))!
      return { info, read: async (start, end) => (await collect(await store.get(key), 1 << 30)).slice(start, end), close: async () => {} }
    },
  }),
  'signals are not heard': (store) => ({ head: (key) => store.head(key) }),
  'a copy is empty': (store) => ({ near: { ...store.near!, copyFrom: (_address, key) => store.put(key, bytesOf('')) } }),
}

test('a store that keeps every promise fails no case, and nothing of the suite stays behind', async () => {
  const store = createMemoryStore({ clock: systemClock })
  await store.put('suite-not', bytesOf(''))
  assert.equal(await firstFailure(store), undefined)
  assert.deepEqual(await Array.fromAsync(store.list(''), ({ key }) => key), ['suite-not'])
})

for (const [promise, breaks] of Object.entries(broken)) {
  test(`the suite notices where ${promise}`, async () => {
    const store = createMemoryStore({ clock: systemClock })
    assert.notEqual(await firstFailure({ ...store, ...breaks(store) }), undefined)
  })
}
