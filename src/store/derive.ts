import { collect, Fault, forEachBounded, hasher, isFault, throwIfAborted, type Digest } from '../kit/index.ts'
import { checkReading } from './range.ts'
import type { Condition, ObjectInfo, ObjectReader, ObjectStore, ReaderOptions, ResumeMemo, Signal } from './store.ts'

/** How often something that changes all the time is read anew. */
const readings = 5

/** A small object whole, with the facts of the very version that was read. Throws `not-found`, and `corrupt` past `limit` bytes. */
export async function readAll(
  store: ObjectStore,
  key: string,
  options: Signal & { readonly limit: number },
): Promise<{ bytes: Uint8Array; info: ObjectInfo }> {
  for (let attempt = 1; ; attempt++) {
    try {
      const body = await store.get(key, { signal: options.signal })
      const bytes = await collect(body, options.limit, `${store.name}/${key}`)
      if (bytes.byteLength !== body.length) throw shortened(store, key, body.length, bytes.byteLength)
      return { bytes, info: body.info }
    } catch (error) {
      // Replaced or deleted while it was read: the next get says which.
      if (!isFault(error, 'precondition') || attempt === readings) throw error
    }
  }
}

/** Opens one version for many reads. Throws `not-found`. Where the store has no way of its own, each read is a get. */
export async function openReader(store: ObjectStore, key: string, options: ReaderOptions = {}): Promise<ObjectReader> {
  if (store.reader !== undefined) return await store.reader(key, options)
  const { signal } = options
  const at = `${store.name}/${key}`
  const info = await store.head(key, { signal })
  if (info === undefined) throw new Fault('not-found', `there is no ${at}`, { at })
  if (options.etag !== undefined && options.etag !== info.etag) {
    throw new Fault('precondition', `${at} is not the version that was expected`, { at })
  }
  return {
    info,
    async read(start, end) {
      checkReading(start, end, info.size, at)
      throwIfAborted(signal)
      if (start === end) return new Uint8Array(0)
      const bytes = await collect(await store.get(key, { range: { start, end }, etag: info.etag, signal }), end - start, at)
      if (bytes.byteLength !== end - start) throw shortened(store, key, end - start, bytes.byteLength)
      return bytes
    },
    async close() {},
  }
}

/**
 * The digest of one object's bytes as they are read now, of this version where an etag is given. Throws `not-found`; a reading that ends
 * early is `corrupt`, and never tells that the object is another one.
 */
export async function digestAt(
  store: ObjectStore,
  key: string,
  options: Signal & { readonly etag?: string | undefined } = {},
): Promise<Digest> {
  const body = await store.get(key, { etag: options.etag, signal: options.signal })
  const state = hasher()
  let given = 0
  for await (const piece of body) {
    state.update(piece)
    given += piece.byteLength
  }
  if (given !== body.length) throw shortened(store, key, body.length, given)
  return state.digest()
}

/** Whether the key is there. Trouble is thrown, and is no absence. */
export async function exists(store: ObjectStore, key: string, options: Signal = {}): Promise<boolean> {
  return (await store.head(key, options)) !== undefined
}

export interface CopyOptions extends Signal {
  /** Only this version of the source: `precondition` otherwise. */
  readonly etag?: string | undefined
  /** Of that version, where it is known: it spares some places a request. */
  readonly size?: number | undefined
  /** What the bytes are known to be. Streamed bytes are checked against it before the key exists; a near copy trusts the place. */
  readonly digest?: Digest | undefined
  /** A condition on the target. Such a copy is always streamed. */
  readonly if?: Condition | undefined
  readonly contentType?: string | undefined
  readonly cacheControl?: string | undefined
  readonly public?: boolean | undefined
  readonly resume?: ResumeMemo | undefined
}

export interface Copied {
  readonly info: ObjectInfo
  readonly way: 'near' | 'streamed'
  /** Bytes of the object that passed through this process. */
  readonly moved: number
  /** Why the place did not copy it itself, where it was asked to and could not. */
  readonly fellBack?: Fault | undefined
}

/** Copies one object: inside of the place where both stores have the same, else, or where that is `unsupported`, as a stream. */
export async function copy(from: ObjectStore, fromKey: string, to: ObjectStore, toKey: string, options: CopyOptions = {}): Promise<Copied> {
  const near = options.if === undefined && from.near !== undefined && from.near.place === to.near?.place ? to.near : undefined
  let fellBack: Fault | undefined
  if (near !== undefined) {
    try {
      return { info: await near.copyFrom(from.near!.address(fromKey), toKey, options), way: 'near', moved: 0 }
    } catch (error) {
      if (!isFault(error, 'unsupported')) throw error
      fellBack = error
    }
  }
  const body = await from.get(fromKey, { etag: options.etag, signal: options.signal })
  const { contentType = body.info.contentType, cacheControl = body.info.cacheControl } = options
  const info = await to.put(toKey, body, { ...options, contentType, cacheControl })
  return { info, way: 'streamed', moved: body.length, fellBack }
}

/** Copies, then deletes the source. A crash in between leaves both. */
export async function move(from: ObjectStore, fromKey: string, to: ObjectStore, toKey: string, options: CopyOptions = {}): Promise<Copied> {
  if (fromKey === toKey && (from === to || sameAddress(from, to, fromKey))) {
    throw new Fault('invalid', `${from.name}/${fromKey} cannot be moved onto itself`)
  }
  const copied = await copy(from, fromKey, to, toKey, options)
  await from.delete(fromKey, { signal: options.signal })
  return copied
}

function sameAddress(from: ObjectStore, to: ObjectStore, key: string): boolean {
  return from.near !== undefined && from.near.place === to.near?.place && from.near.address(key) === to.near.address(key)
}

/** Deletes every key that begins with the prefix, `width` (16) at a time; how many there were. An empty prefix is `invalid`: nobody empties a store by mistake. */
export async function deletePrefix(
  store: ObjectStore,
  prefix: string,
  options: Signal & { readonly width?: number } = {},
): Promise<number> {
  if (prefix === '') throw new Fault('invalid', `an empty prefix would delete everything in ${store.name}`)
  let deleted = 0
  await forEachBounded(
    store.list(prefix, { signal: options.signal }),
    options.width ?? 16,
    async ({ key }, signal) => {
      await store.delete(key, { signal })
      deleted++
    },
    options.signal,
  )
  return deleted
}

function shortened(store: ObjectStore, key: string, expected: number, actual: number): Fault {
  return new Fault('corrupt', `${store.name}/${key} gave ${actual} of its ${expected} bytes`, { at: `${store.name}/${key}` })
}
