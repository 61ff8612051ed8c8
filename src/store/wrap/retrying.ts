import { asFault, type Bytes, Fault, retrying, type RetryPolicy } from '../../kit/index.ts'
import type {
  GetOptions,
  ListOptions,
  Near,
  ObjectBody,
  ObjectInfo,
  ObjectReader,
  ObjectStore,
  PutOptions,
  ReaderOptions,
} from '../store.ts'

/**
 * The same store; what fails for now (`unavailable`, `busy`) is tried again where that is safe.
 *
 * Safe are head, delete, copies inside of the place, and puts without a condition of a body that can be rewound. A read that
 * breaks goes on at the byte where it broke, of the same version; an ordered listing goes on after its last key. A put with a
 * condition is never repeated: its first try may have succeeded unheard, and the second would then seem to have lost to another.
 */
export function retryingStore(store: ObjectStore, policy: RetryPolicy): ObjectStore {
  return {
    ...store,
    near: store.near && retryingNear(store.near, policy),
    head: (key, options = {}) => retrying(policy, () => store.head(key, options), options.signal),
    async get(key, options = {}) {
      const body = await retrying(policy, () => store.get(key, options), options.signal)
      return { ...factsOf(body), [Symbol.asyncIterator]: () => readOn(store, policy, key, options, body) }
    },
    reader: store.reader && ((key, options = {}) => readerOn(store, policy, key, options)),
    put: (key, body, options = {}) =>
      isRepeatable(body, options) ? retrying(policy, () => store.put(key, body, options), options.signal) : store.put(key, body, options),
    delete: (key, options = {}) => retrying(policy, () => store.delete(key, options), options.signal),
    list: (prefix, options = {}) => listOn(store, policy, prefix, options),
  }
}

function retryingNear(near: Near, policy: RetryPolicy): Near {
  return {
    ...near,
    copyFrom: (address, key, options = {}) => retrying(policy, () => near.copyFrom(address, key, options), options.signal),
  }
}

function isRepeatable(body: Bytes, options: PutOptions): boolean {
  return body.rewindable && options.if === undefined
}

/** A body's facts without its bytes, for a body that gives them in another way. */
function factsOf({ info, length, rewindable }: ObjectBody): Omit<ObjectBody, typeof Symbol.asyncIterator> {
  return { info, length, rewindable }
}

async function* readOn(
  store: ObjectStore,
  policy: RetryPolicy,
  key: string,
  options: GetOptions,
  body: ObjectBody,
): AsyncGenerator<Uint8Array> {
  const start = options.range?.start ?? 0
  let done = 0
  let pieces: AsyncIterator<Uint8Array> | undefined = body[Symbol.asyncIterator]()
  const next = async () => {
    if (pieces === undefined) {
      const rest = done === 0 && options.range === undefined ? undefined : { start: start + done, end: start + body.length }
      pieces = (await store.get(key, { ...options, etag: body.info.etag, range: rest }))[Symbol.asyncIterator]()
    }
    try {
      const piece = await pieces.next()
      if (piece.done === true && done < body.length) {
        throw new Fault('unavailable', `${store.name}/${key} ended after ${done} of ${body.length} bytes`, { at: `${store.name}/${key}` })
      }
      return piece
    } catch (error) {
      pieces = undefined
      throw error
    }
  }
  try {
    while (done < body.length || body.length === 0) {
      const piece = await retrying(policy, next, options.signal)
      if (piece.done === true) return
      done += piece.value.byteLength
      yield piece.value
    }
  } finally {
    await pieces?.return?.()
  }
}

/** A reader whose reads are tried again, each time with a new opening of the same version. */
async function readerOn(store: ObjectStore, policy: RetryPolicy, key: string, options: ReaderOptions): Promise<ObjectReader> {
  const first = await retrying(policy, () => store.reader!(key, options), options.signal)
  const again = options.mayGrow === true ? options : { ...options, etag: first.info.etag }
  let current: Promise<ObjectReader> | undefined = Promise.resolve(first)
  const drop = async (broken: Promise<ObjectReader>) => {
    if (current !== broken) return
    current = undefined
    await broken.then((reader) => reader.close()).catch(() => undefined)
  }
  return {
    info: first.info,
    read: (start, end) =>
      retrying(
        policy,
        async () => {
          const reading = (current ??= store.reader!(key, again))
          try {
            return await (await reading).read(start, end)
          } catch (error) {
            if (asFault(error).retry === 'later') await drop(reading)
            throw error
          }
        },
        options.signal,
      ),
    async close() {
      await (await current?.catch(() => undefined))?.close()
    },
  }
}

async function* listOn(store: ObjectStore, policy: RetryPolicy, prefix: string, options: ListOptions): AsyncGenerator<ObjectInfo> {
  let after = options.after
  let infos: AsyncIterator<ObjectInfo> | undefined
  const next = async () => {
    infos ??= store.list(prefix, { ...options, after })[Symbol.asyncIterator]()
    try {
      return await infos.next()
    } catch (error) {
      infos = undefined
      throw error
    }
  }
  let isFirst = true
  try {
    for (;;) {
      // Without an order nobody can say where a listing broke: then only its beginning is tried again.
      const info: IteratorResult<ObjectInfo> =
        isFirst || store.can.orderedList ? await retrying(policy, next, options.signal) : await next()
      if (info.done === true) return
      after = info.value.key
      isFirst = false
      yield info.value
    }
  } finally {
    await infos?.return?.()
  }
}
