import * as v from 'valibot'
import {
  bytesOf,
  type Clock,
  type Digest,
  digestOf,
  Fault,
  forEachBounded,
  isDigest,
  isFault,
  parseJson,
  type Report,
} from '../../kit/index.ts'
import { type ObjectStore, readAll, type Signal } from '../../store/index.ts'
import { blobKey, ensureBlob } from '../blob.ts'
import type { ChunkReader, ChunkWriter } from '../chunk-store.ts'
import { spare } from '../condemned.ts'
import { type Root, type Tracer, unknownRecord } from '../roots.ts'
import { snapshotKey } from '../snapshot-record.ts'

export interface CopiedContent {
  /** Artifacts that the other store lacked. */
  readonly blobs: { readonly objects: number; readonly bytes: number }
  /** Artifacts that it had. */
  readonly knownBlobs: number
  /** Records of snapshots and releases. */
  readonly records: number
}

export interface ContentCopy {
  /** After everything that the records lead to is durable. */
  putRecords(): Promise<void>
  copied(): CopiedContent
}

interface Copying extends Signal {
  readonly from: ObjectStore
  readonly to: ObjectStore
  readonly source: ChunkReader
  readonly writer: ChunkWriter
  readonly trace: Tracer
  readonly clock: Clock
  readonly report: Report
}

/** Nodes that are read together, and chunks. */
const nodesAtOnce = 256
const chunksAtOnce = 1 << 14
/** Artifacts on their way at once. */
const width = 4
const maxRecordBytes = 64 << 20
const hint = 'run: holdfast store verify'

/** Copies what those roots lead to, but for what the others lead to, which is there. That a node is there already says nothing of what it names. */
export async function copyContent(copying: Copying, roots: readonly Root[], present: readonly Root[]): Promise<ContentCopy> {
  const seen = new Set(present.map(nameOf))
  /** True once for each. */
  const isNew = (root: Root) => {
    const name = nameOf(root)
    return !seen.has(name) && seen.add(name).has(name)
  }
  const records = new Map<Digest, Uint8Array>()
  const counts = { blobs: { objects: 0, bytes: 0 }, knownBlobs: 0 }
  let chunks: Digest[] = []
  const copyChunks = async () => {
    await addAll(copying, chunks, 'chunk')
    chunks = []
  }
  const edge = roots.filter(isNew)
  while (edge.length > 0) {
    const step = edge.splice(-nodesAtOnce)
    const of = (kind: string) => step.filter((root) => root.kind === kind).map(({ digest }) => digest)
    const unknown = step.find(({ kind }) => !['blob', 'snapshot', 'node', 'chunk'].includes(kind))
    if (unknown !== undefined) throw unknownRecord(`a link of the kind ${JSON.stringify(unknown.kind)}`, copying.from.name)
    await forEachBounded(
      of('blob'),
      width,
      async (digest, signal) => await copyBlob({ ...copying, signal }, digest, counts),
      copying.signal,
    )
    for (const digest of of('snapshot')) {
      const { bytes, reaches } = await readRecord(copying, digest)
      records.set(digest, bytes)
      edge.push(...reaches.filter(isNew))
    }
    for await (const root of addNodes(copying, of('node'))) if (isNew(root)) edge.push(root)
    chunks.push(...of('chunk').filter((id) => !copying.writer.has(id)))
    if (chunks.length >= chunksAtOnce) await copyChunks()
  }
  await copyChunks()
  return {
    putRecords: async () => {
      for (const [digest, bytes] of records) await putRecord(copying, digest, bytes)
    },
    copied: () => ({ ...counts, records: records.size }),
  }
}

function nameOf({ kind, digest }: Root): string {
  return `${kind} ${digest}`
}

async function copyBlob(
  { from, to, clock, report, signal }: Copying,
  digest: Digest,
  counts: { readonly blobs: { objects: number; bytes: number }; knownBlobs: number },
): Promise<void> {
  const key = blobKey(digest)
  const info = await from.head(key, { signal })
  if (info === undefined) throw missing(from, key)
  const { wasPresent } = await ensureBlob(to, digest, { size: info.size, now: clock.now(), signal }, async () => {
    // Verified as it streams: the key exists only once the bytes have this digest.
    return await to.put(key, await from.get(key, { signal }), { digest, signal })
  })
  if (wasPresent) counts.knownBlobs++
  else {
    counts.blobs.objects++
    counts.blobs.bytes += info.size
    report({ kind: 'advance', task: 'copy', items: 1, bytes: info.size })
  }
}

const reaching = v.looseObject({ reaches: v.array(v.object({ kind: v.string(), digest: v.custom<Digest>(isDigest) })) })

async function readRecord({ from, signal }: Copying, digest: Digest): Promise<{ bytes: Uint8Array; reaches: readonly Root[] }> {
  const key = snapshotKey(digest)
  const at = `${from.name}/${key}`
  try {
    const { bytes } = await readAll(from, key, { limit: maxRecordBytes, signal })
    if (digestOf(bytes) !== digest) throw new Fault('corrupt', 'the record does not match its digest', { at, hint })
    return { bytes, reaches: parseJson(reaching, bytes, at).reaches }
  } catch (error) {
    throw isFault(error, 'not-found') ? missing(from, key, error) : error
  }
}

async function putRecord({ to, clock, signal }: Copying, digest: Digest, bytes: Uint8Array): Promise<void> {
  while ((await spare(to, digest, clock.now(), { signal })) === 'look-again') await to.head(snapshotKey(digest), { signal })
  await to.put(snapshotKey(digest), bytesOf(bytes), { digest, contentType: 'application/json', signal })
}

/** Adds nodes that are missing there, and gives what all of them lead to. */
async function* addNodes(copying: Copying, nodes: readonly Digest[]): AsyncGenerator<Root> {
  await addAll(
    copying,
    nodes.filter((id) => !copying.writer.has(id)),
    'node',
  )
  for (const digest of nodes) yield* copying.trace({ kind: 'node', digest }, copying.source, { signal: copying.signal })
}

async function addAll({ source, writer, report, signal }: Copying, ids: readonly Digest[], kind: 'chunk' | 'node'): Promise<void> {
  for await (const { id, bytes } of source.readMany(inOrderOfPacks(source, ids), { signal })) {
    const added = await writer.addBytes(bytes, kind)
    if (added !== id) throw new Fault('bug', `a copy of ${id} has become ${added}`)
    report({ kind: 'advance', task: 'copy', items: 1, bytes: bytes.byteLength })
  }
}

function inOrderOfPacks(source: ChunkReader, ids: readonly Digest[]): Digest[] {
  const placed = ids.map((id) => ({ id, place: source.locate(id) }))
  placed.sort(({ place: a }, { place: b }) => {
    if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined)
    return a.pack === b.pack ? a.blockOffset - b.blockOffset || a.offset - b.offset : a.pack < b.pack ? -1 : 1
  })
  return placed.map(({ id }) => id)
}

function missing({ name }: ObjectStore, key: string, cause?: unknown): Fault {
  return new Fault('corrupt', 'something that is still referred to is missing', { at: `${name}/${key}`, hint, cause })
}
