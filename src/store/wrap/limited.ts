import { abortFault, type Clock, observed, throwIfAborted } from '../../kit/index.ts'
import type { ObjectInfo, ObjectStore } from '../store.ts'

/** A rate that any number of stores and bodies share. */
export interface ByteRate {
  /** Resolves when so many more bytes may go by. */
  take(bytes: number, signal?: AbortSignal): Promise<void>
}

/** A bucket of tokens that holds a quarter of a second's bytes: short bursts pass, and in the long run the rate holds. */
export function createByteRate(bytesPerSecond: number, clock: Clock): ByteRate {
  const burst = 250
  // The time until which the bytes taken so far are paid for.
  let paidUntil = Number.NEGATIVE_INFINITY
  return {
    async take(bytes, signal) {
      const now = clock.now()
      paidUntil = Math.max(paidUntil, now - burst) + (bytes / bytesPerSecond) * 1000
      if (paidUntil > now) await clock.sleep(paidUntil - now, signal)
    },
  }
}

export interface Limits {
  readonly rate?: ByteRate | undefined
  /** Calls of the store under way at once: so many that read, and so many that write. */
  readonly inFlight?: number | undefined
}

/**
 * The same store, held back. Reading and writing have places of their own, since a put may wait for a body that is read
 * from the same store, and with shared places such puts could wait for each other for ever.
 */
export function limitedStore(store: ObjectStore, { rate, inFlight = Number.POSITIVE_INFINITY }: Limits): ObjectStore {
  const [reads, writes] = [places(inFlight), places(inFlight)]
  const slow = (signal: AbortSignal | undefined) => async (piece: Uint8Array) => await rate?.take(piece.byteLength, signal)
  return {
    ...store,
    near: store.near && {
      ...store.near,
      copyFrom: (address, key, options = {}) => writes(() => store.near!.copyFrom(address, key, options), options.signal),
    },
    head: (key, options = {}) => reads(() => store.head(key, options), options.signal),
    async get(key, options = {}) {
      const body = await reads(() => store.get(key, options), options.signal)
      return { ...observed(body, slow(options.signal)), info: body.info, length: body.length }
    },
    reader:
      store.reader &&
      (async (key, options = {}) => {
        const reader = await reads(() => store.reader!(key, options), options.signal)
        return {
          ...reader,
          async read(start, end) {
            const bytes = await reads(() => reader.read(start, end), options.signal)
            await rate?.take(bytes.byteLength, options.signal)
            return bytes
          },
        }
      }),
    put: (key, body, options = {}) => writes(() => store.put(key, observed(body, slow(options.signal)), options), options.signal),
    delete: (key, options = {}) => writes(() => store.delete(key, options), options.signal),
    async *list(prefix, options = {}): AsyncGenerator<ObjectInfo> {
      const infos = store.list(prefix, options)[Symbol.asyncIterator]()
      try {
        for (;;) {
          const next = await reads(() => infos.next(), options.signal)
          if (next.done === true) return
          yield next.value
        }
      } finally {
        await infos.return?.()
      }
    },
  }
}

/** Runs work as soon as fewer than `count` others are under way, in the order of the asking. */
function places(count: number): <T>(work: () => Promise<T>, signal: AbortSignal | undefined) => Promise<T> {
  let taken = 0
  const waiting = new Set<() => void>()
  const enter = (signal: AbortSignal | undefined) =>
    new Promise<void>((resolve, reject) => {
      const leave = () => {
        waiting.delete(go)
        reject(abortFault(signal!))
      }
      const go = () => {
        signal?.removeEventListener('abort', leave)
        resolve()
      }
      waiting.add(go)
      signal?.addEventListener('abort', leave, { once: true })
    })
  return async (work, signal) => {
    throwIfAborted(signal)
    // Whoever leaves hands its place on, so that nobody can slip in between.
    if (taken < count) taken++
    else await enter(signal)
    try {
      return await work()
    } finally {
      const [next] = waiting
      if (next === undefined) taken--
      else {
        waiting.delete(next)
        next()
      }
    }
  }
}
