import { bytesOf, type Clock } from '../kit/index.ts'
import { type ObjectInfo, type ObjectStore, readAll } from '../store/index.ts'

export interface RememberOptions {
  readonly clock: Clock
  /** Milliseconds in which a ref is not looked at again. */
  readonly freshFor: number
}

/** Bytes of records that are kept; what was used last stays. */
const maxBytesKept = 128 << 20
/** Larger ones are read each time. */
const maxRecordBytes = 16 << 20

/** The store, for readers: refs and facts are looked at anew once in `freshFor`, and records, which never change, are read once. */
export function rememberingStore(
  store: ObjectStore,
  { clock, freshFor }: RememberOptions,
): { readonly store: ObjectStore; forget(): void } {
  const records = createRecords()
  const listings = new Map<string, { readonly at: number; readonly infos: Promise<readonly ObjectInfo[]> }>()
  const underWay = new Map<string, Promise<Remembered>>()
  const isFresh = (at: number) => {
    const age = clock.now() - at
    // A clock that was set back makes nothing fresh.
    return age >= 0 && age < freshFor
  }
  const look = async (key: string): Promise<Remembered> => {
    const at = clock.now()
    const known = records.get(key)
    if (known !== undefined && (await store.head(key))?.etag === known.info.etag) return { ...known, at }
    return { ...(await readAll(store, key, { limit: maxRecordBytes })), at }
  }
  const read = async (key: string): Promise<Remembered> => {
    const known = records.get(key)
    if (known !== undefined && (isUnchanging(key) || isFresh(known.at))) return known
    const running = underWay.get(key)
    if (running !== undefined) return await running
    const work = look(key).finally(() => underWay.delete(key))
    underWay.set(key, work)
    const record = await work
    records.keep(key, record)
    return record
  }
  const remembering: ObjectStore = {
    ...store,
    async get(key, options = {}) {
      if (!isRemembered(key) || options.range !== undefined || options.etag !== undefined) return await store.get(key, options)
      const { bytes, info } = await read(key)
      return { ...bytesOf(bytes), info, length: bytes.byteLength }
    },
    async *list(prefix, options = {}) {
      if (!prefix.startsWith('refs/') || options.after !== undefined) return yield* store.list(prefix, options)
      const known = listings.get(prefix)
      if (known !== undefined && isFresh(known.at)) return yield* await known.infos
      const infos = Array.fromAsync(store.list(prefix))
      if (listings.size >= 100) listings.clear()
      listings.set(prefix, { at: clock.now(), infos })
      infos.catch(() => listings.delete(prefix))
      yield* await infos
    },
  }
  return {
    store: remembering,
    forget() {
      records.age()
      listings.clear()
    },
  }
}

interface Remembered {
  readonly bytes: Uint8Array
  readonly info: ObjectInfo
  /** When it was last looked at. */
  readonly at: number
}

/** What was read, up to a limit of bytes: then the oldest go. */
function createRecords() {
  const records = new Map<string, Remembered>()
  let total = 0
  const drop = (key: string) => {
    total -= records.get(key)?.bytes.byteLength ?? 0
    records.delete(key)
  }
  return {
    get: (key: string) => records.get(key),
    keep(key: string, record: Remembered) {
      drop(key)
      records.set(key, record)
      total += record.bytes.byteLength
      for (const oldest of records.keys()) {
        if (total <= maxBytesKept) break
        drop(oldest)
      }
    },
    /** All of them have to be looked at again. */
    age() {
      for (const [key, record] of records) records.set(key, { ...record, at: Number.NEGATIVE_INFINITY })
    },
  }
}

function isRemembered(key: string): boolean {
  return isUnchanging(key) || /^(refs|facts|pins)\//.test(key) || key === 'holdfast.json'
}

/** Named by the digest of its bytes. */
function isUnchanging(key: string): boolean {
  return key.startsWith('snapshots/')
}
