import * as v from 'valibot'
import { checkShape, type Digest, Fault, isDigest, isFault, parseJson } from '../kit/index.ts'
import { type ObjectInfo, type ObjectStore, readAll, type Signal } from '../store/index.ts'
import type { ChunkReader } from './chunk-store.ts'

/** A thing that is kept alive, and what sort of thing it is. */
export interface Root {
  readonly kind: string
  readonly digest: Digest
}

/**
 * What a root of a kind that this room does not read leads to, one step on: for a `node` the nodes and chunks that it names. It reads the
 * node from `chunks`.
 */
export type Tracer = (root: Root, chunks: ChunkReader, options: Signal) => AsyncIterable<Root>

/** Record formats whose `reaches` this version understands. Any other stops a prune before it deletes anything. */
const knownFormats = new Set(['holdfast-ref/1', 'holdfast-pin/1', 'holdfast-lease/1'])
const places = ['refs/', 'pins/', 'leases/']
const maxRecordBytes = 64 << 20

const shape = v.looseObject({
  format: v.string(),
  reaches: v.array(v.object({ kind: v.string(), digest: v.custom<Digest>(isDigest) })),
  expires: v.optional(v.string()),
  history: v.optional(v.array(v.looseObject({ id: v.optional(v.string()) }))),
})

/** Everything that refs, pins and leases which have not expired reach directly. */
export async function readRoots(store: ObjectStore, now: number, options: Signal = {}): Promise<Root[]> {
  const roots: Root[] = []
  for await (const { record } of readReaching(store, places, options)) {
    if (record.expires === undefined || Date.parse(record.expires) >= now) roots.push(...record.reaches)
  }
  return roots
}

export interface Reaching {
  readonly key: string
  readonly etag: string
  readonly bytes: Uint8Array
  readonly record: v.InferOutput<typeof shape>
}

export interface ReadReachingOptions extends Signal {
  /** Hears of records that cannot be understood, which are passed over then. Without it they are faults. */
  readonly unreadable?: ((key: string) => void) | undefined
}

/** The records below those prefixes that keep something alive. A format that is not known is `unsupported`. */
export async function* readReaching(
  store: ObjectStore,
  prefixes: readonly string[],
  { unreadable, signal }: ReadReachingOptions,
): AsyncGenerator<Reaching> {
  for (const prefix of prefixes) {
    for await (const { key } of store.list(prefix, { signal })) {
      const at = `${store.name}/${key}`
      const found = await readRecord(store, key, { signal })
      if (found === undefined) continue
      const record = parseReaching(found.bytes, at, unreadable && (() => unreadable(key)))
      if (record === undefined) continue
      if (!knownFormats.has(record.format)) throw unknownRecord(`a record of the format ${JSON.stringify(record.format)}`, at)
      yield { key, etag: found.info.etag, bytes: found.bytes, record }
    }
  }
}

function parseReaching(bytes: Uint8Array, at: string, unreadable: (() => void) | undefined): Reaching['record'] | undefined {
  try {
    return checkShape(shape, parseJson(v.unknown(), bytes, at), at)
  } catch (error) {
    if (unreadable === undefined || !isFault(error, 'corrupt')) throw error
    unreadable()
    return undefined
  }
}

/** Undefined for a pin or lease that was taken away since it was listed. A ref is never taken away: then this throws. */
async function readRecord(store: ObjectStore, key: string, options: Signal): Promise<{ bytes: Uint8Array; info: ObjectInfo } | undefined> {
  try {
    return await readAll(store, key, { limit: maxRecordBytes, signal: options.signal })
  } catch (error) {
    if (isFault(error, 'not-found') && !key.startsWith('refs/')) return undefined
    throw error
  }
}

export function unknownRecord(what: string, at: string): Fault {
  return new Fault('unsupported', `the store holds ${what}, which this version does not know; nothing was deleted`, {
    at,
    hint: 'prune with the newest version of holdfast that writes to this store',
  })
}
