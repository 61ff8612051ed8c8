import type { ChunkReader } from '../../chunks/index.ts'
import { type Digest, isFault, throwIfAborted } from '../../kit/index.ts'
import type { Signal } from '../../store/index.ts'
import type { Listed } from '../record/lines.ts'
import { decodeNode, type Node } from '../tree/codec.ts'
import type { Content } from '../tree/entry.ts'
import { type ByteText, joinBytes, shownName } from '../tree/name.ts'

/** What needs a damaged thing. */
export interface Touched {
  readonly snapshots: readonly Digest[]
  /** In the snapshots that are named first; the first ten. */
  readonly paths: readonly { readonly snapshot: Digest; readonly path: string }[]
  /** Further ones. */
  readonly more: number
}

const listed = 10

interface Search {
  readonly chunks: ChunkReader
  readonly damaged: ReadonlySet<Digest>
  /** Nodes with nothing damaged below them, which are not looked into again. */
  readonly whole: Set<Digest>
  readonly found: Map<Digest, { snapshots: Set<Digest>; paths: { snapshot: Digest; path: string }[]; more: number }>
  readonly snapshot: Digest
  readonly options: Signal
}

/** For each of the damaged nodes and chunks, the snapshots and paths that need it. */
export async function findTouched(
  chunks: ChunkReader,
  snapshots: readonly Listed[],
  damaged: ReadonlySet<Digest>,
  options: Signal,
): Promise<ReadonlyMap<Digest, Touched>> {
  const found: Search['found'] = new Map([...damaged].map((id) => [id, { snapshots: new Set(), paths: [], more: 0 }]))
  const whole = new Set<Digest>()
  if (damaged.size > 0) {
    for (const { id, root } of snapshots) {
      throwIfAborted(options.signal)
      await search({ chunks, damaged, whole, found, snapshot: id, options }, root, '', 'top')
    }
  }
  return new Map([...found].map(([id, { snapshots: named, paths, more }]) => [id, { snapshots: [...named], paths, more }]))
}

/** Whether anything below the node is damaged. */
async function search(at: Search, id: Digest, path: ByteText, kind: 'top' | 'inner'): Promise<boolean> {
  if (at.whole.has(id)) return false
  const node = at.damaged.has(id) ? undefined : await readNode(at, id)
  if (node === undefined) {
    note(at, id, path)
    return true
  }
  let isDamaged = false
  const look = async (result: Promise<boolean> | boolean) => {
    isDamaged = (await result) || isDamaged
  }
  switch (node.kind) {
    case 'directory':
      for (const entry of node.entries) {
        const below = kind === 'top' ? '' : joinBytes(path, entry.name)
        if (entry.kind === 'directory') await look(search(at, entry.node, below, 'inner'))
        else if ('content' in entry) await look(searchContent(at, entry.content, below))
      }
      break
    case 'split-directory':
      for (const piece of node.pieces) await look(search(at, piece.node, path, kind))
      break
    case 'part-list':
      await look(noteParts(at, node.parts, path))
      break
    case 'list-of-lists':
      for (const list of node.lists) await look(search(at, list.node, path, kind))
      break
  }
  if (!isDamaged) at.whole.add(id)
  return isDamaged
}

async function searchContent(at: Search, { list, parts }: Content, path: ByteText): Promise<boolean> {
  return list === undefined ? noteParts(at, parts ?? [], path) : await search(at, list, path, 'inner')
}

function noteParts(at: Search, parts: NonNullable<Content['parts']>, path: ByteText): boolean {
  const bad = new Set(parts.flatMap(({ id }) => (id !== undefined && at.damaged.has(id) ? [id] : [])))
  for (const id of bad) note(at, id, path)
  return bad.size > 0
}

async function readNode({ chunks, options }: Search, id: Digest): Promise<Node | undefined> {
  try {
    return decodeNode(await chunks.read(id, options), id)
  } catch (error) {
    if (isFault(error, 'corrupt') || isFault(error, 'not-found')) return undefined
    throw error
  }
}

function note({ found, snapshot }: Search, id: Digest, path: ByteText): void {
  const touched = found.get(id) ?? { snapshots: new Set(), paths: [], more: 0 }
  found.set(id, touched)
  touched.snapshots.add(snapshot)
  if (touched.paths.length < listed) touched.paths.push({ snapshot, path: shownName(path) })
  else touched.more++
}
