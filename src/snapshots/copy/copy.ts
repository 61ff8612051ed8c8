import type { ChunkReader, ChunkWriter, WriterStats } from '../../chunks/index.ts'
import { type Digest, Fault, type Report } from '../../kit/index.ts'
import { moveRef } from '../../refs/index.ts'
import type { Signal } from '../../store/index.ts'
import type { SnapshotContext } from '../context.ts'
import { readEach } from '../look/read-each.ts'
import { onceEach, traverse } from '../look/traverse.ts'
import { snapshotLine, type SnapshotSummary } from '../record/line.ts'
import { type Listed, listSnapshots } from '../record/lines.ts'
import { putRecord, readRecord } from '../record/record.ts'

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
  const there = new Set((await listSnapshots(to)).map(({ name, id }) => `${name} ${id}`))
  const isThere = ({ name, id }: Listed) => there.has(`${name} ${id}`)
  return { copy: snapshots.filter((each) => !isThere(each)), present: snapshots.filter(isThere) }
}

/**
 * Copies snapshots into another store: chunks and nodes that it lacks, checked on the way, then their records, then their lines. Their ids
 * stay the same. Throws `corrupt` where the source is damaged, and then no line of the target has changed.
 */
export async function copySnapshots(from: SnapshotContext, to: SnapshotContext, snapshots: readonly Listed[]): Promise<Copied> {
  await to.prepareStore()
  const { copy, present } = await planCopy(to, snapshots)
  if (copy.length === 0) return { copied: [], present, stats: undefined }
  const source = await from.chunks()
  const target = await to.chunks()
  const writer = await target.startWriter({ by: to.by, signal: to.signal })
  try {
    to.report({ kind: 'begin', task: 'copy' })
    const isNewNode = onceEach()
    for (const { root } of copy) await copyTree(source, writer, root, isNewNode, to)
    to.report({ kind: 'end', task: 'copy' })
    const stats = await writer.finish()
    for (const { id } of copy) await putRecord(to.store, await readRecord(from.store, id, from), to)
    await writer.publish(async () => {
      for (const [name, line] of Map.groupBy(copy, (each) => each.name)) await addToLine(to, name, line)
    })
    return { copied: copy, present, stats }
  } finally {
    await writer.abort()
  }
}

type Copying = Signal & { readonly report: Report }

/** Chunks before the nodes that name them. That a node is there says nothing of what it names: all are looked at. */
async function copyTree(
  source: ChunkReader,
  writer: ChunkWriter,
  root: Digest,
  isNewNode: (id: Digest) => boolean,
  options: Copying,
): Promise<void> {
  const nodes: Digest[] = []
  let missing = new Set<Digest>()
  let bytes = 0
  for await (const { id, reached } of traverse(source, root, isNewNode, options)) {
    if (reached instanceof Fault) throw reached
    if (!writer.has(id)) nodes.push(id)
    for (const { id: chunk, length } of reached.chunks) {
      if (writer.has(chunk!) || missing.has(chunk!)) continue
      missing.add(chunk!)
      bytes += length
    }
    if (bytes < stepBytes) continue
    await copyEach(source, writer, [...missing], 'chunk', options)
    missing = new Set()
    bytes = 0
  }
  await copyEach(source, writer, [...missing], 'chunk', options)
  await copyEach(source, writer, nodes, 'node', options)
}

/** Bytes of chunks that are read in one order. */
const stepBytes = 256 << 20

async function copyEach(
  source: ChunkReader,
  writer: ChunkWriter,
  ids: readonly Digest[],
  kind: 'chunk' | 'node',
  options: Copying,
): Promise<void> {
  for await (const { id, bytes } of readEach(source, ids, options)) {
    if (bytes instanceof Fault) throw bytes
    const added = await writer.addBytes(bytes, kind)
    if (added !== id) throw new Fault('bug', `a copy of ${id} has become ${added}`)
    options.report({ kind: 'advance', task: 'copy', items: 1, bytes: bytes.byteLength })
  }
}

async function addToLine(context: SnapshotContext, name: string, line: readonly Listed[]): Promise<void> {
  await moveRef(
    context,
    snapshotLine,
    name,
    (current) => {
      const present = current?.state.snapshots ?? []
      const added = line.filter(({ id }) => !present.some((each) => each.id === id)).map(summaryOf)
      const snapshots = [...present, ...added].toSorted((a, b) => (a.created < b.created ? -1 : a.created > b.created ? 1 : 0))
      return { state: { snapshots }, action: 'copy', note: { added: added.at(-1)?.id } }
    },
    { onLost: 'retry' },
  )
}

function summaryOf({ name: _line, ...summary }: Listed): SnapshotSummary {
  return summary
}
