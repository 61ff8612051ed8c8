import {
  assertSameCuts,
  type ChunkReader,
  type ChunkStore,
  type ChunkWriter,
  defaultParameters,
  ensureParameters,
  openChunkReader,
  readParameters,
  readStoreFormat,
  type WriterStats,
} from '../../chunks/index.ts'
import { type Digest, Fault, type Report } from '../../kit/index.ts'
import { moveRef } from '../../refs/index.ts'
import type { Signal } from '../../store/index.ts'
import type { SnapshotContext } from '../context.ts'
import { readEach } from '../look/read-each.ts'
import { onceEach } from '../look/traverse.ts'
import { snapshotLine, type SnapshotSummary } from '../record/line.ts'
import { type Listed, listSnapshots } from '../record/lines.ts'
import { putRecord, readRecord } from '../record/record.ts'
import { differingNodes, type DifferingNode } from './differing.ts'

export interface Copied {
  readonly copied: readonly Listed[]
  /** They were there. */
  readonly present: readonly Listed[]
  /** What it added there; undefined where nothing was missing. */
  readonly stats: WriterStats | undefined
}

export interface CopyPlan {
  readonly copy: readonly Listed[]
  readonly present: readonly Listed[]
}

/** Which of the snapshots the other store lacks. */
export async function planCopy(to: SnapshotContext, snapshots: readonly Listed[]): Promise<CopyPlan> {
  return planFrom(await listSnapshots(to), snapshots)
}

function planFrom(there: readonly Listed[], snapshots: readonly Listed[]): CopyPlan {
  const known = new Set(there.map(placeOf))
  return { copy: snapshots.filter((each) => !known.has(placeOf(each))), present: snapshots.filter((each) => known.has(placeOf(each))) }
}

function placeOf({ name, id }: Listed): string {
  return `${name} ${id}`
}

/**
 * Copies snapshots into another store: chunks and nodes that it lacks, checked on the way, then their records, then their lines. Their ids
 * stay the same. May be killed anywhere: run again, it stores what is missing still. Throws `corrupt` where the source is
 * damaged, and `unsupported` where the other store cuts files in another way; then no line of it has changed.
 */
export async function copySnapshots(from: SnapshotContext, to: SnapshotContext, snapshots: readonly Listed[]): Promise<Copied> {
  await to.prepareStore()
  const there = await listSnapshots(to)
  const { copy, present } = planFrom(there, snapshots)
  if (copy.length === 0) return { copied: [], present, stats: undefined }
  const target = await openTarget(from, to)
  const bases = await sharedSnapshots(from, copy, there)
  // Only read: it may be somebody's whose store this is not.
  const source = await openChunkReader(from.store, { cache: await from.cacheDir(), report: from.report, signal: from.signal })
  try {
    return { copied: copy, present, stats: await copyInto(from, to, { source, target, copy, bases }) }
  } catch (error) {
    if (!(error instanceof BaseGone)) throw error
    // What was relied on was forgotten there meanwhile: rely on nothing.
    return { copied: copy, present, stats: await copyInto(from, to, { source, target, copy, bases: new Map() }) }
  } finally {
    await source.close()
  }
}

/** A snapshot that the other store had has been forgotten there. */
class BaseGone extends Fault {
  constructor() {
    super('precondition', 'a snapshot that both stores had was forgotten meanwhile')
  }
}

/** The other store's chunks, cut as they are here: a new one takes that over. */
async function openTarget(from: SnapshotContext, to: SnapshotContext): Promise<ChunkStore> {
  const { clock, random, signal } = to
  const wanted = (await readParameters(from.store, { signal })) ?? defaultParameters
  await ensureParameters(to.store, { now: clock.now(), random, wanted, signal })
  const target = await to.chunks()
  assertSameCuts(wanted, target.parameters, to.store.name)
  return target
}

/** For each line the newest snapshot that both stores have: all that it reaches is there. */
async function sharedSnapshots(from: SnapshotContext, copy: readonly Listed[], there: readonly Listed[]): Promise<Bases> {
  const bases = new Map<string, Listed>()
  const known = new Set(there.map(placeOf))
  for (const name of new Set(copy.map((each) => each.name))) {
    const shared = (await listSnapshots(from, { name })).findLast((each) => known.has(placeOf(each)))
    if (shared !== undefined) bases.set(name, shared)
  }
  return bases
}

type Bases = ReadonlyMap<string, Listed>

interface Copying {
  readonly source: ChunkReader
  readonly target: ChunkStore
  readonly copy: readonly Listed[]
  readonly bases: Bases
}

async function copyInto(from: SnapshotContext, to: SnapshotContext, { source, target, copy, bases }: Copying): Promise<WriterStats> {
  const writer = await target.startWriter({ by: to.by, signal: to.signal })
  try {
    to.report({ kind: 'begin', task: 'copy' })
    const enter = onceEach()
    for (const { root, name } of copy) await copyTree(source, writer, differingNodes(source, root, bases.get(name)?.root, enter, to), to)
    to.report({ kind: 'end', task: 'copy' })
    const stats = await writer.finish()
    for (const { id } of copy) await putRecord(to.store, await readRecord(from.store, id, from), to)
    const message = `copied from ${from.store.name} (store ${(await readStoreFormat(from.store, from))?.id ?? 'without a record'})`
    await writer.publish(async () => {
      for (const [name, line] of Map.groupBy(copy, (each) => each.name)) await addToLine(to, name, line, bases.get(name)?.id, message)
    })
    return stats
  } finally {
    await writer.abort()
  }
}

/** Bytes of chunks that are read in one order. */
const stepBytes = 256 << 20

/** That a node is there already says nothing of what it names: a copy that was killed may have left it. */
async function copyTree(
  source: ChunkReader,
  writer: ChunkWriter,
  nodes: AsyncIterable<DifferingNode>,
  options: Signal & { readonly report: Report },
): Promise<void> {
  let missing = new Set<Digest>()
  let bytes = 0
  const copyMissing = async () => {
    for await (const found of readEach(source, [...missing], options)) {
      if (found.bytes instanceof Fault) throw found.bytes
      await add(writer, found.id, found.bytes, 'chunk', options.report)
    }
    missing = new Set()
    bytes = 0
  }
  for await (const { id, bytes: node, reached } of nodes) {
    if (!writer.has(id)) await add(writer, id, node, 'node', options.report)
    for (const { id: chunk, length } of reached.chunks) {
      if (chunk === undefined || writer.has(chunk) || missing.has(chunk)) continue
      missing.add(chunk)
      bytes += length
    }
    if (bytes >= stepBytes) await copyMissing()
  }
  await copyMissing()
}

async function add(writer: ChunkWriter, id: Digest, bytes: Uint8Array, kind: 'chunk' | 'node', report: Report): Promise<void> {
  const added = await writer.addBytes(bytes, kind)
  if (added !== id) throw new Fault('bug', `a copy of ${id} has become ${added}`)
  report({ kind: 'advance', task: 'copy', items: 1, bytes: bytes.byteLength })
}

/** Throws BaseGone where the line has not `base` any more. */
async function addToLine(
  context: SnapshotContext,
  name: string,
  line: readonly Listed[],
  base: Digest | undefined,
  message: string,
): Promise<void> {
  await moveRef(
    context,
    snapshotLine,
    name,
    (current) => {
      const present = current?.state.snapshots ?? []
      if (base !== undefined && !present.some(({ id }) => id === base)) throw new BaseGone()
      const added = line.filter(({ id }) => !present.some((each) => each.id === id)).map(summaryOf)
      const snapshots = [...present, ...added].toSorted((a, b) => (a.created < b.created ? -1 : a.created > b.created ? 1 : 0))
      return { state: { snapshots }, action: 'copy', note: { added: added.at(-1)?.id }, message }
    },
    { onLost: 'retry' },
  )
}

function summaryOf({ name: _line, ...summary }: Listed): SnapshotSummary {
  return summary
}
