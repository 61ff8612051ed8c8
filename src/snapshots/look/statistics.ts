import type { ChunkReader } from '../../chunks/index.ts'
import { type Digest, Fault } from '../../kit/index.ts'
import type { Signal } from '../../store/index.ts'
import type { Listed } from '../record/lines.ts'
import type { Part } from '../tree/entry.ts'
import { traverse } from './traverse.ts'

/** What a snapshot, or all of them together, take. */
export interface Extent {
  /** Distinct chunks and nodes, and their bytes. */
  readonly pieces: number
  readonly plain: number
  /** Their share of the packs, compressed. */
  readonly stored: number
}

export interface SnapshotStatistics {
  readonly snapshot: Listed
  /** Bytes of all its files, each name counted. */
  readonly logical: number
  /** All that it leads to. */
  readonly all: Extent
  /** What no other of the snapshots leads to: what would become free without it. */
  readonly unique: Extent
}

export interface Statistics {
  readonly snapshots: readonly SnapshotStatistics[]
  readonly logical: number
  readonly total: Extent
  /** Nodes that could not be read, and what they lead to, are not counted. */
  readonly unreadable: number
}

const shared = -1

/** Counts what snapshots take and share. Reads their nodes and no file's content.. */
export async function statisticsOf(chunks: ChunkReader, snapshots: readonly Listed[], options: Signal = {}): Promise<Statistics> {
  const owners = new Map<Digest, number>()
  const unreadable = new Set<Digest>()
  const alls: Extent[] = []
  const claim = (id: Digest, owner: number) => {
    const before = owners.get(id)
    if (before === undefined) owners.set(id, owner)
    else if (before !== owner) owners.set(id, shared)
    return before
  }
  for (const [index, { root }] of snapshots.entries()) {
    const own = new Set<Digest>()
    const enter = (id: Digest) => {
      if (own.has(id)) return false
      own.add(id)
      claim(id, index)
      return true
    }
    for await (const { id, reached } of traverse(chunks, root, enter, options)) {
      if (reached instanceof Fault) unreadable.add(id)
      else for (const part of reached.chunks) take(part, own, index, claim)
    }
    alls.push(extentOf(chunks, own))
  }
  const rows = snapshots.map((snapshot, index): SnapshotStatistics => {
    const unique = extentOf(chunks, idsOf(owners, index))
    return { snapshot, logical: snapshot.size, all: alls[index]!, unique }
  })
  return {
    snapshots: rows,
    logical: rows.reduce((sum, { logical }) => sum + logical, 0),
    total: extentOf(chunks, owners.keys()),
    unreadable: unreadable.size,
  }
}

function take({ id }: Part, own: Set<Digest>, index: number, claim: (id: Digest, owner: number) => unknown): void {
  if (own.has(id!)) return
  own.add(id!)
  claim(id!, index)
}

function* idsOf(owners: ReadonlyMap<Digest, number>, index: number): Generator<Digest> {
  for (const [id, owner] of owners) if (owner === index) yield id
}

function extentOf(chunks: ChunkReader, ids: Iterable<Digest>): Extent {
  let pieces = 0
  let plain = 0
  let stored = 0
  for (const id of ids) {
    const place = chunks.locate(id)
    if (place === undefined) continue
    pieces++
    plain += place.length
    // A block is compressed as one: each chunk in it takes its part.
    stored += (place.length / place.blockPlain) * place.blockStored
  }
  return { pieces, plain, stored: Math.round(stored) }
}
