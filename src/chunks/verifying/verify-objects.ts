import { type Digest, forEachBounded, isFault, type Report, silent } from '../../kit/index.ts'
import { digestAt, type ObjectInfo, type ObjectStore, type Signal } from '../../store/index.ts'
import { digestOfBlobKey } from '../blob.ts'
import { digestOfSnapshotKey } from '../snapshot-record.ts'

export interface VerifyObjectsOptions extends Signal {
  /** The part of the whole artifacts whose bytes are read, chosen by chance: 0 to 1. Records are small and always read. */
  readonly readData: number
  readonly random: () => number
  readonly report?: Report | undefined
}

export interface VerifiedObjects {
  readonly blobs: number
  readonly records: number
  /** Of blobs and records. */
  readonly readBytes: number
  /** Keys of what has not the digest that it is named by. */
  readonly damaged: readonly string[]
}

/** Reads whole artifacts and records, and compares their digests with their names. Changes nothing. */
export async function verifyObjects(store: ObjectStore, options: VerifyObjectsOptions): Promise<VerifiedObjects> {
  const { report = silent, signal } = options
  const counts = { blobs: 0, records: 0, readBytes: 0 }
  const damaged: string[] = []
  report({ kind: 'begin', task: 'verify artifacts and records' })
  const checkAll = async (prefix: string, digestOfKey: (key: string) => Digest | undefined, kind: 'blobs' | 'records', share: number) => {
    const found: { info: ObjectInfo; digest: Digest }[] = []
    for await (const info of store.list(prefix, { signal })) {
      const digest = digestOfKey(info.key)
      if (digest === undefined) continue
      counts[kind]++
      if (options.random() < share) found.push({ info, digest })
    }
    await forEachBounded(
      found,
      4,
      async ({ info, digest }, inner) => {
        const is = await digestNow(store, info.key, inner)
        if (is === undefined) return
        counts.readBytes += info.size
        if (is !== digest) damaged.push(info.key)
        report({ kind: 'advance', task: 'verify artifacts and records', items: 1, bytes: info.size })
      },
      signal,
    )
  }
  await checkAll('snapshots/', digestOfSnapshotKey, 'records', 1)
  await checkAll('blobs/', digestOfBlobKey, 'blobs', options.readData)
  report({ kind: 'end', task: 'verify artifacts and records' })
  return { ...counts, damaged: damaged.toSorted() }
}

/** Undefined where it went meanwhile. */
async function digestNow(store: ObjectStore, key: string, signal: AbortSignal): Promise<Digest | undefined> {
  try {
    return await digestAt(store, key, { signal })
  } catch (error) {
    if (isFault(error, 'not-found')) return undefined
    throw error
  }
}
