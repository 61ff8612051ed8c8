import { bytesOf, collect, type Digest, digestOf, Fault, isFault } from '../../kit/index.ts'
import { openZip, type RangedSource, type ZipEntry } from '../../kit/zip/index.ts'
import type { ObjectInfo, ObjectStore, Signal } from '../../store/index.ts'
import { asTrouble, quoted } from './refusal.ts'

/** An object as a listing showed it. */
export interface SeenObject {
  readonly key: string
  readonly size: number
  readonly etag: string
}

/** A zip that is an object of a store. All that is wrong with it is `invalid`. */
export interface ObjectZip {
  /** What the first answer told. */
  readonly info: ObjectInfo
  /** Of the bytes, where the first answer was all of them. */
  readonly digest: Digest | undefined
  readonly entries: readonly ZipEntry[]
  read(entry: ZipEntry, limit: number): Promise<Uint8Array>
}

/** Asks for the last 66 KiB, in one request: the whole of a small object. Every request names the etag. A fault of the store is never `invalid`. */
export async function openObjectZip(store: ObjectStore, seen: SeenObject, options: Signal = {}): Promise<ObjectZip> {
  const source = objectRanges(store, seen, options)
  const judged = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      if (!isFault(error, 'corrupt') || source.hasFailed()) throw error
      throw new Fault('invalid', error.message, { hint: error.hint, cause: error.cause })
    }
  }
  return await judged(async () => {
    const zip = await openZip(source)
    const ambiguous = zip.entries.find(({ name, plainName }) => name !== plainName && /\.dist-info|PKG-INFO/.test(plainName + name))
    if (ambiguous !== undefined) throw new Fault('corrupt', `programs would read the name ${quoted(ambiguous.name)} in different ways`)
    const { info, digest } = source.first()
    return {
      info: digest === undefined ? info : withDigest(info, digest),
      digest,
      entries: zip.entries,
      read: (entry, limit) => judged(() => zip.read(entry, limit)),
    }
  })
}

interface ObjectRanges extends RangedSource {
  first(): Pick<ObjectZip, 'info' | 'digest'>
  /** Whether it was the store that failed. */
  hasFailed(): boolean
}

/** One version of an object. */
function objectRanges(store: ObjectStore, { key, size, etag }: SeenObject, { signal }: Signal): ObjectRanges {
  const name = `${store.name}/${key}`
  let first: Pick<ObjectZip, 'info' | 'digest'> | undefined
  let hasFailed = false
  return {
    name,
    size,
    first: () => first!,
    hasFailed: () => hasFailed,
    async read(start, end) {
      try {
        const isWhole = start === 0 && end === size
        const body = await store.get(key, { range: isWhole ? undefined : { start, end }, etag, signal })
        if (body.info.size !== size) throw new Fault('precondition', `${name} is not the version that was listed`, { at: name })
        const bytes = await collect(body, end - start, name)
        first ??= { info: body.info, digest: isWhole ? digestOf(bytes) : undefined }
        return bytesOf(bytes)
      } catch (error) {
        hasFailed = true
        throw asTrouble(error, name)
      }
    },
  }
}

/** The facts of an object that was read whole, with its digest. Throws `invalid` where its place tells another one. */
export function withDigest(info: ObjectInfo, digest: Digest): ObjectInfo & { readonly digest: Digest } {
  if (info.digest === undefined || info.digest === digest) return { ...info, digest }
  throw new Fault('invalid', `its bytes have ${digest}, and its place says that they have ${info.digest}`, {
    hint: 'upload it again: what the place says of it was written for other bytes',
  })
}
