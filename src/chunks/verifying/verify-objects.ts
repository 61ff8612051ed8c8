import * as v from 'valibot'
import { type Digest, digestOf, forEachBounded, isDigest, isFault, parseJson, type Report, silent } from '../../kit/index.ts'
import { digestAt, type ObjectInfo, type ObjectStore, readAll, type Signal } from '../../store/index.ts'
import { blobKey, digestOfBlobKey } from '../blob.ts'
import { readReaching, type Root } from '../roots.ts'
import { digestOfSnapshotKey, snapshotKey } from '../snapshot-record.ts'
import { chooseData, type ReadData } from './part.ts'

export interface VerifyObjectsOptions extends Signal {
  /** Whole artifacts whose bytes are read. Names and records are small and read in any case, of parts in the first. */
  readonly readData: ReadData
  readonly random: () => number
  readonly report?: Report | undefined
}

export interface VerifiedObjects {
  readonly blobs: number
  readonly records: number
  /** Of blobs and records. */
  readonly readBytes: number
  /** Keys of blobs and records that have not the digest that they are named by, and of records, refs and pins that cannot be understood. */
  readonly damaged: readonly string[]
  /** Keys of blobs and records that are not there, though a ref or a pin leads to them. */
  readonly missing: readonly string[]
}

const task = 'verify artifacts and records'
const maxRecordBytes = 64 << 20

/** Reads names, records and whole artifacts: compares digests with names, and looks for all that is named. Changes nothing. */
export async function verifyObjects(store: ObjectStore, options: VerifyObjectsOptions): Promise<VerifiedObjects> {
  const { report = silent, random, readData, signal } = options
  const choice = chooseData(readData, random)
  const isFirst = choice.includes(undefined)
  report({ kind: 'begin', task })
  // Names before what they lead to: that was stored before them.
  const names = isFirst ? await readNames(store, { signal }) : { roots: [], damaged: [] }
  const records = isFirst ? await readRecords(store, { report, signal }) : { keys: [], reaches: new Map(), damaged: [], bytes: 0 }
  const blobs = await listNamed(store, 'blobs/', digestOfBlobKey, { signal })
  const read = { bytes: records.bytes, damaged: [] as string[] }
  await forEachBounded(
    blobs.filter(({ digest }) => choice.reads(digest)),
    4,
    async ({ info, digest }, inner) => {
      const is = await unlessGone(async () => await digestAt(store, info.key, { signal: inner }))
      if (is === undefined) return
      read.bytes += info.size
      if (is !== digest) read.damaged.push(info.key)
      report({ kind: 'advance', task, items: 1, bytes: info.size })
    },
    signal,
  )
  const present = new Set([...blobs.map(({ info }) => info.key), ...records.keys])
  const missing = keysFrom(names.roots, records.reaches).filter((key) => !present.has(key))
  report({ kind: 'end', task })
  return {
    blobs: blobs.filter(({ digest }) => choice.includes(digest)).length,
    records: records.keys.length,
    readBytes: read.bytes,
    damaged: [...names.damaged, ...records.damaged, ...read.damaged].toSorted(),
    missing: missing.toSorted(),
  }
}

async function readNames(store: ObjectStore, options: Signal): Promise<{ roots: readonly Root[]; damaged: readonly string[] }> {
  const [roots, damaged]: [Root[], string[]] = [[], []]
  const unreadable = (key: string) => void damaged.push(key)
  for await (const { record } of readReaching(store, ['refs/', 'pins/'], { ...options, unreadable })) roots.push(...record.reaches)
  return { roots, damaged }
}

const reaching = v.looseObject({ reaches: v.optional(v.array(v.object({ kind: v.string(), digest: v.custom<Digest>(isDigest) })), []) })

async function readRecords(store: ObjectStore, { report, signal }: Signal & { readonly report: Report }) {
  const found = await listNamed(store, 'snapshots/', digestOfSnapshotKey, { signal })
  const reaches = new Map<string, readonly Root[]>()
  const damaged: string[] = []
  let sum = 0
  await forEachBounded(
    found,
    4,
    async ({ info: { key }, digest }, inner) => {
      const record = await unlessGone(async () => await readAll(store, key, { limit: maxRecordBytes, signal: inner }))
      if (record === undefined) return
      sum += record.bytes.byteLength
      const leadsTo = digestOf(record.bytes) === digest ? reachedBy(record.bytes, key) : undefined
      if (leadsTo === undefined) damaged.push(key)
      else reaches.set(key, leadsTo)
      report({ kind: 'advance', task, items: 1, bytes: record.bytes.byteLength })
    },
    signal,
  )
  return { keys: found.map(({ info }) => info.key), reaches, damaged, bytes: sum }
}

/** Undefined for what is no record, though it has the right name. */
function reachedBy(bytes: Uint8Array, key: string): readonly Root[] | undefined {
  try {
    return parseJson(reaching, bytes, key).reaches
  } catch (error) {
    if (isFault(error, 'corrupt')) return undefined
    throw error
  }
}

async function listNamed(store: ObjectStore, prefix: string, digestOfKey: (key: string) => Digest | undefined, options: Signal) {
  const found: { readonly info: ObjectInfo; readonly digest: Digest }[] = []
  for await (const info of store.list(prefix, options)) {
    const digest = digestOfKey(info.key)
    if (digest !== undefined) found.push({ info, digest })
  }
  return found
}

/** Keys of all blobs and records that the roots lead to. Trees are followed by those who know them. */
function keysFrom(roots: readonly Root[], reaches: ReadonlyMap<string, readonly Root[]>): string[] {
  const keys = new Set<string>()
  const edge = [...roots]
  for (let root = edge.pop(); root !== undefined; root = edge.pop()) {
    const key = root.kind === 'blob' ? blobKey(root.digest) : root.kind === 'snapshot' ? snapshotKey(root.digest) : undefined
    if (key === undefined || keys.has(key)) continue
    keys.add(key)
    edge.push(...(reaches.get(key) ?? []))
  }
  return [...keys]
}

async function unlessGone<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read()
  } catch (error) {
    if (isFault(error, 'not-found')) return undefined
    throw error
  }
}
