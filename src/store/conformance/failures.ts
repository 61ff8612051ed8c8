import { type Bytes, bytesFrom, bytesOf, digestOf, asFault, isFault } from '../../kit/index.ts'
import type { ObjectStore, PutOptions } from '../store.ts'
import {
  type ConformanceCase,
  ensure,
  ensureAbsent,
  ensureFails,
  ensureFault,
  ensureHolds,
  failingAfter,
  hangingAfter,
  keysOf,
  oneShot,
  randomBytes,
  read,
  text,
} from './case.ts'

const mib = 1 << 20

/** A put that must fail, once where nothing is and once over an object: nothing appears, and what was there stays. */
async function leavesNoTrace(store: ObjectStore, key: (name: string) => string, put: (key: string) => Promise<void>): Promise<void> {
  await store.put(key('standing'), bytesOf('standing'))
  await put(key('fresh/x'))
  await put(key('standing'))
  await ensureAbsent(store, key('fresh/x'))
  await ensureHolds(store, key('standing'), text('standing'))
  const keys = await keysOf(store.list(key('')))
  ensure(keys.length === 1 && keys[0] === key('standing'), `left behind: ${keys.join(' ')}`)
}

const aborted = async (store: ObjectStore, key: string, content: Uint8Array, length?: number) => {
  const controller = new AbortController()
  const { body, reached } = hangingAfter(content, length)
  const put = store.put(key, body, { signal: controller.signal })
  put.catch(() => undefined)
  await Promise.race([reached, put])
  controller.abort()
  await ensureFault('aborted', put, 'a put that was aborted half way')
}

export const failureCases: readonly ConformanceCase[] = [
  {
    name: 'a body that fails half way leaves nothing, and what was there stays',
    async run({ store, key, random }) {
      for (const [size, length] of [[0], [100_000], [100_000, 200_000], [6 * mib], [9 * mib, 10 * mib]] as const) {
        const content = randomBytes(random, size)
        await leavesNoTrace(store, key, (each) =>
          ensureFails(store.put(each, failingAfter(content, length)), `a body that fails after ${size} bytes`),
        )
      }
    },
  },
  {
    name: 'a wrong digest is corrupt, and nothing of it is ever visible',
    async run({ store, key, random }) {
      for (const size of [0, 10, 100_000, 6 * mib]) {
        const content = randomBytes(random, size)
        const wrong =
          (body: Bytes, options: PutOptions = {}) =>
          (each: string) =>
            ensureFault('corrupt', store.put(each, body, { ...options, digest: digestOf('other') }), `${size} bytes with a wrong digest`)
        await leavesNoTrace(store, key, wrong(bytesOf(content)))
        await leavesNoTrace(store, key, async (each) => await wrong(oneShot(content, random))(each))
      }
    },
  },
  {
    name: 'a body shorter or longer than it says is corrupt, and leaves nothing',
    async run({ store, key, random }) {
      for (const [size, stated] of [
        [10, 11],
        [10, 9],
        [0, 1],
        [1, 0],
        [6 * mib, 6 * mib + 1],
        [6 * mib, 6 * mib - 1],
      ] as const) {
        const content = randomBytes(random, size)
        const lying = bytesFrom(() => bytesOf(content), stated)
        await leavesNoTrace(store, key, (each) => ensureFault('corrupt', store.put(each, lying), `${size} bytes that say ${stated}`))
      }
    },
  },
  {
    name: 'a body that is read while its key is overwritten gives the old bytes or precondition, never a mix',
    async run({ store, open, key, random }) {
      const [old, fresh] = [randomBytes(random, 3 * mib + 5), randomBytes(random, 3 * mib + 5)]
      await store.put(key('x'), bytesOf(old))
      const body = await store.get(key('x'))
      const other = await open()
      const got: Uint8Array[] = []
      const reading = async () => {
        for await (const piece of body) {
          got.push(piece.slice())
          if (got.length === 1) await other.put(key('x'), bytesOf(fresh))
        }
      }
      const failure = await reading().then(
        () => undefined,
        (error: unknown) => error,
      )
      const whole = Buffer.concat(got)
      ensure(
        old.subarray(0, whole.byteLength).every((byte, at) => byte === whole[at]),
        'new bytes were given after old ones',
      )
      if (failure === undefined) ensure(whole.byteLength === old.byteLength, 'the old bytes ended early without a fault')
      else ensure(isFault(failure, 'precondition'), `expected precondition, got ${asFault(failure).message}`)
      await ensureHolds(store, key('x'), fresh)
      const later = await read(store, key('x'), { etag: body.info.etag }).catch((error: unknown) => error)
      ensure(isFault(later, 'precondition'), 'the old version can still be asked for, and gives new bytes')
    },
  },
  {
    name: 'readers beside many writers see one whole version each time',
    async run({ open, key, scale }) {
      const stores = await Promise.all([open(), open(), open()])
      const size = 200_000
      await stores[0]!.put(key('x'), bytesOf(new Uint8Array(size)))
      const rounds = scale === 'full' ? 50 : 8
      const writing = stores.map(async (store, writer) => {
        for (let round = 0; round < rounds; round++) await store.put(key('x'), bytesOf(new Uint8Array(size - writer).fill(writer + 1)))
      })
      const reading = stores.map(async (store) => {
        for (let round = 0; round < rounds; round++) {
          const got = await read(store, key('x')).catch((error: unknown) => {
            ensure(isFault(error, 'precondition'), `expected a whole version or precondition, got ${String(error)}`)
          })
          if (got === undefined) continue
          const expected = size - Math.max(0, got[0]! - 1)
          ensure(got.byteLength === expected && got.every((byte) => byte === got[0]), 'a mix of two versions was read')
        }
      })
      await Promise.all([...writing, ...reading])
    },
  },
  {
    name: 'a signal that has fired already ends every verb with aborted, and nothing happens',
    async run({ store, key }) {
      await store.put(key('x'), bytesOf('x'))
      const signal = AbortSignal.abort()
      await ensureFault('aborted', store.head(key('x'), { signal }), 'head')
      await ensureFault('aborted', read(store, key('x'), { signal }), 'get')
      await ensureFault('aborted', store.put(key('x'), bytesOf('y'), { signal }), 'put')
      await ensureFault('aborted', store.delete(key('x'), { signal }), 'delete')
      await ensureFault('aborted', keysOf(store.list(key(''), { signal })), 'list')
      if (store.near !== undefined)
        await ensureFault('aborted', store.near.copyFrom(store.near.address(key('x')), key('y'), { signal }), 'copy')
      await ensureAbsent(store, key('y'))
      await ensureHolds(store, key('x'), text('x'))
    },
  },
  {
    name: 'a put that is aborted half way ends soon, also while its body hangs, and leaves nothing',
    async run({ store, key, random }) {
      for (const [size, length] of [[0], [100_000], [100_000, 200_000], [6 * mib, 20 * mib]] as const) {
        await leavesNoTrace(store, key, (each) => aborted(store, each, randomBytes(random, size), length))
      }
    },
  },
  {
    name: 'a get and a list that are aborted half way end with aborted',
    async run({ store, key, random }) {
      await store.put(key('large'), bytesOf(randomBytes(random, 6 * mib)))
      for (let each = 0; each < 40; each++) await store.put(key(`small/${each}`), bytesOf('x'))
      const reading = new AbortController()
      const readOn = async () => {
        for await (const piece of await store.get(key('large'), { signal: reading.signal })) if (piece.byteLength > 0) reading.abort()
      }
      await ensureFault('aborted', readOn(), 'a get that was aborted half way')
      const listing = new AbortController()
      const list = async () => {
        for await (const info of store.list(key('small/'), { signal: listing.signal })) if (info.size === 1) listing.abort()
      }
      await ensureFault('aborted', list(), 'a list that was aborted half way')
    },
  },
]
