import { bytesOf, checkKey, type Clock, collect, compareKeys, Fault, throwIfAborted } from '../../kit/index.ts'
import { takeIn } from '../intake.ts'
import { rangeWithin } from '../range.ts'
import type { Capabilities, Condition, GetOptions, ListOptions, Near, ObjectBody, ObjectInfo, ObjectStore, PutOptions } from '../store.ts'

interface Held {
  readonly info: ObjectInfo
  readonly content: Uint8Array
}

const can: Capabilities = { conditionalPut: 'yes', orderedList: true, nestedKeys: true, metadata: true, resumablePut: false }
const noLimit = Number.MAX_SAFE_INTEGER
let stores = 0

/** A store in this process's memory: for trying things out, and the measure of the other drivers. It ends with the process. */
export function createMemoryStore(options: { readonly name?: string; readonly clock: Clock }): ObjectStore {
  const name = options.name ?? 'memory:'
  const at = (key: string) => `${name}/${key}`
  const objects = createObjects(at, options.clock)

  return {
    name,
    can,
    near: nearMemory(objects),
    async head(key, { signal } = {}) {
      checkKey(key)
      throwIfAborted(signal)
      return objects.get(key)?.info
    },
    async get(key, { etag, range, signal }: GetOptions = {}) {
      checkKey(key)
      throwIfAborted(signal)
      const held = objects.find(key, etag)
      const { start, end } = rangeWithin(range, held.info.size, at(key))
      return bodyOf(held, held.content.subarray(start, end), signal)
    },
    async put(key, body, put: PutOptions = {}) {
      checkKey(key)
      throwIfAborted(put.signal)
      checkCondition(objects.get(key), put.if, at(key))
      const content = await collect(takeIn(body, put, at(key)), noLimit)
      throwIfAborted(put.signal)
      checkCondition(objects.get(key), put.if, at(key))
      return objects.set(key, content, put)
    },
    async delete(key, { signal } = {}) {
      checkKey(key)
      throwIfAborted(signal)
      objects.delete(key)
    },
    async *list(prefix, { after, signal }: ListOptions = {}) {
      throwIfAborted(signal)
      const keys = [...objects.keys()].filter((key) => key.startsWith(prefix) && (after === undefined || compareKeys(key, after) > 0))
      for (const key of keys.sort(compareKeys)) {
        throwIfAborted(signal)
        const held = objects.get(key)
        if (held !== undefined) yield held.info
      }
    },
    async close() {},
  }
}

type Facts = Pick<PutOptions, 'contentType' | 'cacheControl'>

/** What the store holds, each in a version of its own. */
interface Objects {
  keys(): Iterable<string>
  get(key: string): Held | undefined
  /** Throws `not-found`, or `precondition` where it is another version. */
  find(key: string, etag?: string): Held
  set(key: string, content: Uint8Array, facts: Facts): ObjectInfo
  delete(key: string): void
}

function createObjects(at: (key: string) => string, clock: Clock): Objects {
  const objects = new Map<string, Held>()
  let versions = 0
  return {
    keys: () => objects.keys(),
    get: (key) => objects.get(key),
    find(key, etag) {
      const held = objects.get(key)
      if (held === undefined) throw new Fault('not-found', `there is no ${at(key)}`, { at: at(key) })
      if (etag !== undefined && held.info.etag !== etag) throw changed(at(key))
      return held
    },
    set(key, content, { contentType, cacheControl }) {
      const etag = `v${++versions}`
      const info: ObjectInfo = { key, size: content.byteLength, etag, modified: clock.now(), contentType, cacheControl }
      objects.set(key, { info, content })
      return info
    },
    delete: (key) => void objects.delete(key),
  }
}

function nearMemory({ find, set }: Objects): Near {
  return {
    place: `memory:#${++stores}`,
    address: (key) => key,
    async copyFrom(address, key, copy = {}) {
      checkKey(key)
      throwIfAborted(copy.signal)
      const { content, info } = find(address, copy.etag)
      return set(key, content, { contentType: copy.contentType ?? info.contentType, cacheControl: copy.cacheControl ?? info.cacheControl })
    },
  }
}

function bodyOf(held: Held, content: Uint8Array, signal: AbortSignal | undefined): ObjectBody {
  return {
    info: held.info,
    length: content.byteLength,
    rewindable: true,
    async *[Symbol.asyncIterator]() {
      for await (const piece of bytesOf(content)) {
        throwIfAborted(signal)
        yield piece.slice()
      }
    },
  }
}

function checkCondition(held: Held | undefined, condition: Condition | undefined, at: string): void {
  if (condition === undefined) return
  if (condition === 'absent') {
    if (held !== undefined) throw new Fault('precondition', `${at} exists already`, { at })
  } else if (held?.info.etag !== condition.etag) throw changed(at)
}

function changed(at: string): Fault {
  return new Fault('precondition', `${at} is not the version that was expected`, { at })
}

const named = new Map<string, ObjectStore>()

/** The store of that name in this process, made when it is first asked for. */
export function namedMemoryStore(name: string, clock: Clock): ObjectStore {
  const store = named.get(name) ?? createMemoryStore({ name: `memory:${name}`, clock })
  named.set(name, store)
  return store
}
