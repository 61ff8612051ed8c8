import { type ChunkReader, isInPart, positionOf, type ReadData } from '../../chunks/index.ts'
import { asFault, type Digest, Fault, isFault, type Report } from '../../kit/index.ts'
import type { ObjectStore, Signal } from '../../store/index.ts'
import { readEach } from '../look/read-each.ts'
import { onceEach, traverse } from '../look/traverse.ts'
import type { Listed } from '../record/lines.ts'
import { readRecord } from '../record/record.ts'
import { findTouched, type Touched } from './touched.ts'

/** A thing that is not as it should be. */
export interface Damage {
  readonly kind: 'record' | 'node' | 'chunk'
  readonly id: Digest
  readonly message: string
  /** Where it is met, the first places only. */
  readonly touches: Touched
}

export interface Verified {
  readonly snapshots: number
  readonly nodes: number
  /** Distinct chunks that the snapshots need. */
  readonly chunks: number
  /** Bytes of chunks that were read and checked. */
  readonly read: number
  readonly damage: readonly Damage[]
}

export interface VerifyOptions extends Signal {
  /** Packs whose chunks are read. */
  readonly readData: ReadData
  /** A number in [0, 1). */
  readonly random: () => number
  readonly report: Report
}

/**
 * Checks that all that the snapshots lead to is there: records and nodes by their digests, chunks in an index; of a share of the packs
 * also the bytes of the chunks. What is damaged is named with the snapshots and paths that need it.
 */
export async function verifySnapshots(
  store: ObjectStore,
  chunks: ChunkReader,
  snapshots: readonly Listed[],
  options: VerifyOptions,
): Promise<Verified> {
  const faults = new Map<Digest, { kind: 'node' | 'chunk'; fault: Fault }>()
  const damage: Damage[] = []
  const isNewNode = onceEach()
  const isNewChunk = onceEach()
  const lengths = new Map<Digest, number>()
  let nodes = 0
  options.report({ kind: 'begin', task: 'verify', items: snapshots.length })
  for (const snapshot of snapshots) {
    const broken = await recordDamage(store, snapshot, options)
    if (broken !== undefined) damage.push(broken)
    for await (const { id, reached } of traverse(chunks, snapshot.root, isNewNode, options)) {
      nodes++
      if (reached instanceof Fault) faults.set(id, { kind: 'node', fault: reached })
      else {
        for (const { id: chunk, length } of reached.chunks) {
          const fault = isNewChunk(chunk!) ? placeDamage(chunks, chunk!, length) : undefined
          lengths.set(chunk!, length)
          if (fault !== undefined) faults.set(chunk!, { kind: 'chunk', fault })
        }
      }
    }
    options.report({ kind: 'advance', task: 'verify', items: 1 })
  }
  options.report({ kind: 'end', task: 'verify' })
  const read = await readShare(chunks, lengths, faults, options)
  const touched = await findTouched(chunks, snapshots, new Set(faults.keys()), options)
  for (const [id, { kind, fault }] of faults) damage.push({ kind, id, message: fault.message, touches: touched.get(id)! })
  return { snapshots: snapshots.length, nodes, chunks: lengths.size, read, damage }
}

async function recordDamage(store: ObjectStore, snapshot: Listed, options: Signal): Promise<Damage | undefined> {
  const touches = { snapshots: [snapshot.id], paths: [], more: 0 }
  try {
    const record = await readRecord(store, snapshot.id, options)
    if (record.root === snapshot.root) return undefined
    return { kind: 'record', id: snapshot.id, message: 'the line of snapshots names another root than the record', touches }
  } catch (error) {
    if (!isFault(error, 'corrupt') && !isFault(error, 'unsupported')) throw error
    return { kind: 'record', id: snapshot.id, message: error.message, touches }
  }
}

function placeDamage(chunks: ChunkReader, id: Digest, length: number): Fault | undefined {
  const place = chunks.locate(id)
  if (place === undefined) return new Fault('not-found', 'no pack has it')
  if (place.length !== length) return new Fault('corrupt', `it has ${place.length} bytes, and a file needs ${length} of it`)
  return undefined
}

/** A share of the packs is drawn by a window of their digests, which lie evenly. */
async function readShare(
  chunks: ChunkReader,
  lengths: ReadonlyMap<Digest, number>,
  faults: Map<Digest, { kind: 'node' | 'chunk'; fault: Fault }>,
  options: VerifyOptions,
): Promise<number> {
  const { readData } = options
  if (readData === 0) return 0
  const start = options.random()
  const isChosen = (pack: Digest) =>
    typeof readData === 'number' ? (positionOf(pack) - start + 1) % 1 < readData : isInPart(pack, readData)
  const isDrawn = (id: Digest) => {
    const place = chunks.locate(id)
    return place !== undefined && !faults.has(id) && isChosen(place.pack)
  }
  const drawn = [...lengths.keys()].filter(isDrawn)
  const total = drawn.reduce((sum, id) => sum + lengths.get(id)!, 0)
  let read = 0
  options.report({ kind: 'begin', task: 'read', bytes: total })
  for await (const { id, bytes } of readEach(chunks, drawn, options)) {
    if (bytes instanceof Fault) faults.set(id, { kind: 'chunk', fault: asFault(bytes) })
    else {
      read += bytes.byteLength
      options.report({ kind: 'advance', task: 'read', bytes: bytes.byteLength })
    }
  }
  options.report({ kind: 'end', task: 'read' })
  return read
}
