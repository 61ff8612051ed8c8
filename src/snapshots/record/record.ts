import * as v from 'valibot'
import { type Digest, Fault, isFault, type Shape } from '../../kit/index.ts'
import { digestShape } from '../../refs/index.ts'
import { putSnapshotRecord, readSnapshotRecord } from '../../chunks/index.ts'
import type { ObjectStore, Signal } from '../../store/index.ts'
import type { Problem } from '../create/problems.ts'
import type { SnapshotSummary } from './line.ts'

/** A snapshot as it is stored: immutable, named by the digest of its bytes. */
export interface SnapshotRecord {
  readonly format: typeof snapshotFormat
  /** The line of snapshots that it was made for. */
  readonly name: string
  /** A directory node with one entry, `root`. */
  readonly root: Digest
  readonly host: string
  readonly by: string
  /** ISO 8601, UTC. */
  readonly created: string
  /** Absolute: what the root was. */
  readonly base: string
  /** Below the base; `.` is all of it. */
  readonly paths: readonly string[]
  readonly exclude: readonly string[]
  readonly message?: string | undefined
  readonly parent?: Digest | undefined
  readonly counts: { readonly files: number; readonly directories: number; readonly links: number; readonly special: number }
  /** Bytes of plain files. */
  readonly size: number
  /** What could not be read, the first of them named. */
  readonly problems: { readonly count: number; readonly first: readonly Problem[] }
  readonly reaches: readonly [{ readonly kind: 'node'; readonly digest: Digest }]
}

export const snapshotFormat = 'holdfast-snapshot/1'

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))

const recordShape = v.object({
  format: v.literal(snapshotFormat),
  name: v.string(),
  root: digestShape,
  host: v.string(),
  by: v.string(),
  created: v.pipe(v.string(), v.isoTimestamp()),
  base: v.string(),
  paths: v.array(v.string()),
  exclude: v.array(v.string()),
  message: v.optional(v.string()),
  parent: v.optional(digestShape),
  counts: v.object({ files: count, directories: count, links: count, special: count }),
  size: count,
  problems: v.object({ count, first: v.array(v.object({ path: v.string(), message: v.string() })) }),
  reaches: v.tuple([v.object({ kind: v.literal('node'), digest: digestShape })]),
}) as unknown as Shape<SnapshotRecord>

export async function putRecord(store: ObjectStore, record: SnapshotRecord, options: Signal): Promise<Digest> {
  return await putSnapshotRecord(store, record, options)
}

/** Throws `corrupt` where it is missing, damaged, or does not reach its own root. */
export async function readRecord(store: ObjectStore, id: Digest, options: Signal = {}): Promise<SnapshotRecord> {
  try {
    const record = await readSnapshotRecord(store, id, recordShape, snapshotFormat, options)
    if (record.reaches[0].digest !== record.root) throw new Fault('corrupt', `the record of ${id} does not reach its own root`)
    return record
  } catch (error) {
    if (!isFault(error, 'not-found')) throw error
    throw new Fault('corrupt', `the record of the snapshot ${id} is missing`, {
      at: store.name,
      hint: 'run: holdfast snapshot verify',
      cause: error,
    })
  }
}

/** What lists say of it. */
export function summaryOf(record: SnapshotRecord, id: Digest, tags: readonly string[]): SnapshotSummary {
  const { root, created, host, by, base, paths, message, size, counts, problems } = record
  return {
    id,
    root,
    created,
    host,
    by,
    base,
    paths,
    tags,
    ...(message === undefined ? {} : { message }),
    size,
    files: counts.files,
    problems: problems.count,
  }
}
