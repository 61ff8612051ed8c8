import { type Digest, Fault } from '../../kit/index.ts'
import type { Signal } from '../../store/index.ts'
import {
  decodeNode,
  type DirectoryPiece,
  encodeDirectory,
  encodeListOfLists,
  encodePartList,
  encodeSplitDirectory,
  type ListPiece,
  maxPartsInEntry,
} from './codec.ts'
import type { Content, Entry, NodeSink, NodeSource, Part } from './entry.ts'
import { type ByteText, shownName } from './name.ts'

/**
 * Long directories and long files in more than one node. Where they are cut follows from what is at the cut (a name, a
 * digest) and not from a count, so that an insertion changes one or two nodes and the others are shared.
 */
const minItems = 256
const maxItems = 4096
/** One item in so many is followed by a cut. */
const cutMask = 1023
/** Bytes of entries after which a piece of a directory ends. */
const maxPieceBytes = 256 << 10
const maxListDepth = 4

export interface NamedEntry {
  readonly name: ByteText
  readonly bytes: Uint8Array
}

/** Stores a directory whose entries are in order; one node, or several below one. */
export async function writeDirectory(sink: NodeSink, entries: readonly NamedEntry[]): Promise<Digest> {
  const pieces: DirectoryPiece[] = []
  for (const piece of cutEntries(entries)) {
    const node = await sink.addBytes(encodeDirectory(piece.map(({ bytes }) => bytes)), 'node')
    if (piece.length === entries.length) return node
    pieces.push({ first: piece[0]!.name, count: piece.length, node })
  }
  return await sink.addBytes(encodeSplitDirectory(pieces), 'node')
}

function* cutEntries(entries: readonly NamedEntry[]): Generator<readonly NamedEntry[]> {
  let start = 0
  let bytes = 0
  for (let at = 0; at < entries.length; at++) {
    const { name, bytes: encoded } = entries[at]!
    bytes += encoded.byteLength
    const count = at + 1 - start
    const isCut = count >= maxItems || bytes >= maxPieceBytes || (count >= minItems && (hashOfName(name) & cutMask) === 0)
    if (!isCut || at === entries.length - 1) continue
    yield entries.slice(start, at + 1)
    start = at + 1
    bytes = 0
  }
  yield start === 0 ? entries : entries.slice(start)
}

/** FNV-1a, 32 bits, with its low bits mixed once more. */
function hashOfName(name: ByteText): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193)
  return (hash ^ (hash >>> 15)) >>> 0
}

/** A directory's entries, whole and in order. Throws `corrupt` where its pieces do not fit together. */
export async function readDirectory(source: NodeSource, id: Digest, options: Signal = {}): Promise<readonly Entry[]> {
  const node = decodeNode(await source.read(id, options), id)
  if (node.kind === 'directory') return node.entries
  if (node.kind !== 'split-directory') throw wrongKind(id, 'a directory', node.kind)
  const entries: Entry[] = []
  for (const piece of node.pieces) {
    const inner = decodeNode(await source.read(piece.node, options), piece.node)
    if (inner.kind !== 'directory') throw wrongKind(piece.node, 'a piece of a directory', inner.kind)
    const last = entries.at(-1)
    if (
      inner.entries.length !== piece.count ||
      inner.entries[0]?.name !== piece.first ||
      (last !== undefined && last.name >= piece.first)
    ) {
      throw new Fault('corrupt', `the pieces of a directory do not fit together at ${shownName(piece.first)}`, { at: id })
    }
    for (const entry of inner.entries) entries.push(entry)
  }
  return entries
}

/** What an entry records of a file's parts; stores list nodes where they are many. */
export async function writeContent(sink: NodeSink, size: number, parts: readonly Part[]): Promise<Content> {
  if (parts.length <= maxPartsInEntry) return { size, parts, list: undefined }
  let level: ListPiece[] = []
  for (const piece of cutByDigest(parts, ({ id }) => id)) {
    level.push({ length: lengthOf(piece), node: await sink.addBytes(encodePartList(piece), 'node') })
  }
  while (level.length > 1) {
    const above: ListPiece[] = []
    for (const piece of cutByDigest(level, ({ node }) => node)) {
      // A list of one list would say nothing: it stands for itself.
      above.push(piece.length === 1 ? piece[0]! : { length: lengthOf(piece), node: await sink.addBytes(encodeListOfLists(piece), 'node') })
    }
    level = above
  }
  return { size, parts: undefined, list: level[0]!.node }
}

function* cutByDigest<T>(items: readonly T[], digestOf: (item: T) => Digest | undefined): Generator<readonly T[]> {
  let start = 0
  for (let at = 0; at < items.length - 1; at++) {
    const count = at + 1 - start
    const digest = digestOf(items[at]!)
    const isMarked = digest !== undefined && (Number.parseInt(digest.slice(-4), 16) & cutMask) === 0
    if (count < maxItems && !(count >= minItems && isMarked)) continue
    yield items.slice(start, at + 1)
    start = at + 1
  }
  yield items.slice(start)
}

/** A file's parts in order, as many at a time as one list has. Throws `corrupt` where they do not add up to its size. */
export async function* partsOf(source: NodeSource, content: Content, options: Signal = {}): AsyncGenerator<readonly Part[]> {
  if (content.list === undefined) yield content.parts ?? []
  else yield* partsBelow(source, content.list, content.size, 0, options)
}

async function* partsBelow(
  source: NodeSource,
  id: Digest,
  length: number,
  depth: number,
  options: Signal,
): AsyncGenerator<readonly Part[]> {
  const node = decodeNode(await source.read(id, options), id)
  if (depth > maxListDepth) throw new Fault('corrupt', `lists of parts are nested deeper than ${maxListDepth}`, { at: id })
  if (node.kind === 'list-of-lists') {
    if (lengthOf(node.lists) !== length) throw wrongLength(id, length, lengthOf(node.lists))
    for (const list of node.lists) yield* partsBelow(source, list.node, list.length, depth + 1, options)
    return
  }
  if (node.kind !== 'part-list') throw wrongKind(id, 'a list of parts', node.kind)
  if (lengthOf(node.parts) !== length) throw wrongLength(id, length, lengthOf(node.parts))
  yield node.parts
}

/** Nodes that a node leads to, and chunks: what a check or a collection follows. */
export interface Reached {
  readonly nodes: readonly Digest[]
  readonly chunks: readonly Part[]
}

export function reachedFrom(bytes: Uint8Array, id: Digest): Reached {
  const node = decodeNode(bytes, id)
  switch (node.kind) {
    case 'directory': {
      const nodes: Digest[] = []
      const chunks: Part[] = []
      for (const entry of node.entries) {
        if (entry.kind === 'directory') nodes.push(entry.node)
        else if (entry.kind === 'file' || entry.kind === 'hardlink') {
          if (entry.content.list !== undefined) nodes.push(entry.content.list)
          for (const part of entry.content.parts ?? []) if (part.id !== undefined) chunks.push(part)
        }
      }
      return { nodes, chunks }
    }
    case 'split-directory':
      return { nodes: node.pieces.map((piece) => piece.node), chunks: [] }
    case 'part-list':
      return { nodes: [], chunks: node.parts.filter((part) => part.id !== undefined) }
    case 'list-of-lists':
      return { nodes: node.lists.map((list) => list.node), chunks: [] }
  }
}

function lengthOf(items: readonly { readonly length: number }[]): number {
  return items.reduce((sum, { length }) => sum + length, 0)
}

function wrongKind(id: Digest, expected: string, found: string): Fault {
  return new Fault('corrupt', `${expected} was expected and a ${found} found`, { at: id })
}

function wrongLength(id: Digest, expected: number, found: number): Fault {
  return new Fault('corrupt', `a list of parts should cover ${expected} bytes and covers ${found}`, { at: id })
}
