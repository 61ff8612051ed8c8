import { observed } from '../../kit/index.ts'
import type { ObjectStore } from '../store.ts'

export type Operation = 'head' | 'get' | 'put' | 'delete' | 'list' | 'copy'

export interface MeterReading {
  /** Calls of the stores' verbs; a listing is one, whatever its length, and so is a reader that is opened. */
  readonly operations: Readonly<Record<Operation, number>>
  /** Bytes of content: read and written through this process, and copied inside of a place. */
  readonly bytes: { readonly read: number; readonly written: number; readonly copied: number }
  /** Requests that were sent, by the protocol's name for them; each try counts. Files send none. */
  readonly requests: Readonly<Record<string, number>>
  /** The longest chain of requests of which each was sent after the answer to the one before; 0 where no driver tells. */
  readonly roundTrips: number
}

export interface Meter {
  operation(kind: Operation): void
  bytes(kind: keyof MeterReading['bytes'], count: number): void
  /** For drivers that speak a protocol. */
  request(kind: string): void
  /** For drivers that send many requests at once: how long the chain is that a request ends. */
  roundTrips(depth: number): void
  snapshot(): MeterReading
}

/** Counts from zero, for any number of stores. */
export function createMeter(): Meter {
  const operations = { head: 0, get: 0, put: 0, delete: 0, list: 0, copy: 0 }
  const bytes = { read: 0, written: 0, copied: 0 }
  const requests = new Map<string, number>()
  let roundTrips = 0
  return {
    operation: (kind) => void operations[kind]++,
    bytes: (kind, count) => void (bytes[kind] += count),
    request: (kind) => void requests.set(kind, (requests.get(kind) ?? 0) + 1),
    roundTrips: (depth) => void (roundTrips = Math.max(roundTrips, depth)),
    snapshot: () => ({ operations: { ...operations }, bytes: { ...bytes }, requests: Object.fromEntries(requests), roundTrips }),
  }
}

/** The same store, counted: every call, also one that fails, and every byte as it goes by. */
export function meteredStore(store: ObjectStore, meter: Meter): ObjectStore {
  return {
    ...store,
    near: store.near && {
      ...store.near,
      async copyFrom(address, key, options) {
        meter.operation('copy')
        const info = await store.near!.copyFrom(address, key, options)
        meter.bytes('copied', info.size)
        return info
      },
    },
    async head(key, options) {
      meter.operation('head')
      return await store.head(key, options)
    },
    async get(key, options) {
      meter.operation('get')
      const body = await store.get(key, options)
      return { ...observed(body, (piece) => meter.bytes('read', piece.byteLength)), info: body.info, length: body.length }
    },
    reader:
      store.reader &&
      (async (key, options) => {
        meter.operation('get')
        const reader = await store.reader!(key, options)
        return {
          ...reader,
          async read(start, end) {
            const bytes = await reader.read(start, end)
            meter.bytes('read', bytes.byteLength)
            return bytes
          },
        }
      }),
    async put(key, body, options) {
      meter.operation('put')
      return await store.put(
        key,
        observed(body, (piece) => meter.bytes('written', piece.byteLength)),
        options,
      )
    },
    async delete(key, options) {
      meter.operation('delete')
      await store.delete(key, options)
    },
    list(prefix, options) {
      meter.operation('list')
      return store.list(prefix, options)
    },
  }
}
