import { closeSync, openSync, readSync } from 'node:fs'
import path from 'node:path'
import { type Digest, digestOf, diskFault, Fault } from '../../kit/index.ts'
import { maxPackedFile } from '../format/limits.ts'
import { decodeIndex, openBlock, type PackEntry, type PackIndex } from '../format/pack.ts'
import type { KnownPack } from './cache.ts'
import type { Catalogue } from './catalogue.ts'
import { digestAt } from './columns.ts'
import { digestText } from './digest-text.ts'
import { createPackWriter } from './pack-writer.ts'

/** A piece of a file in one of the packs. */
interface Piece {
  readonly pack: OpenPack
  readonly entry: PackEntry
}

/**
 * Makes one pack of several that follow each other, with what files still need of them: each file's pieces joined into one, and of a file
 * that is not small any more only its end. Undefined where nothing of them is needed. Throws `corrupt` where one is damaged.
 */
export function mergePacks(
  folder: string,
  merged: readonly KnownPack[],
  all: readonly KnownPack[],
  catalogue: Catalogue,
): KnownPack | undefined {
  const opened = all.map((row) => openPack(folder, row))
  const writer = createPackWriter(folder)
  try {
    const inside = new Set(opened.filter((_, index) => merged.includes(all[index]!)))
    const pieces = piecesByDigest(opened)
    const done = new Set<Digest>()
    for (const digest of digestsOf(catalogue)) {
      const chain = chainIn(inside, pieces, digest)
      const top = chain.at(-1)?.entry
      if (top === undefined || done.has(top.digest)) continue
      done.add(top.digest)
      joinInto(writer, chain)
    }
    return writer.finish()
  } finally {
    writer.abandon()
    for (const pack of opened) pack.close()
  }
}

/** Of several pieces with the same content, the newest pack's. */
function piecesByDigest(packs: readonly OpenPack[]): Map<Digest, Piece> {
  const pieces = new Map<Digest, Piece>()
  for (const pack of packs) for (const entry of pack.index.entries()) pieces.set(entry.digest, { pack, entry })
  return pieces
}

function* digestsOf({ files }: Catalogue): Iterable<Digest> {
  for (let file = 0; file < files.length; file++) yield digestText(digestAt(files, file))
}

/** The pieces in those packs that a file with this digest is made of, first to last. Its newest may be in a later pack, its oldest in an earlier one. */
function chainIn(inside: ReadonlySet<OpenPack>, pieces: ReadonlyMap<Digest, Piece>, digest: Digest): Piece[] {
  const chain: Piece[] = []
  for (let piece = pieces.get(digest); piece !== undefined; piece = before(pieces, piece)) {
    if (inside.has(piece.pack)) chain.unshift(piece)
    else if (chain.length > 0) break
  }
  return chain
}

function before(pieces: ReadonlyMap<Digest, Piece>, { entry }: Piece): Piece | undefined {
  const found = entry.base === undefined ? undefined : pieces.get(entry.base)
  // Each ends where the next begins: so this ends, whatever the packs say.
  return found !== undefined && found.entry.from + found.entry.length === entry.from && entry.length > 0 ? found : undefined
}

function joinInto(writer: ReturnType<typeof createPackWriter>, chain: readonly Piece[]): void {
  const [first, last] = [chain[0]!.entry, chain.at(-1)!.entry]
  const bytes = Buffer.concat(chain.map(({ pack, entry }) => pack.read(entry)))
  if (first.from === 0 && digestOf(bytes) !== last.digest) {
    throw new Fault('corrupt', `a pack should have ${last.digest} and has something else`, { at: chain[0]!.pack.name })
  }
  const cut = Math.max(0, bytes.byteLength - maxPackedFile)
  const from = first.from + cut
  writer.add({ revision: last.revision, digest: last.digest, from, base: cut === 0 ? first.base : undefined }, bytes.subarray(cut))
}

interface OpenPack {
  readonly name: string
  readonly index: PackIndex
  read(entry: PackEntry): Uint8Array
  close(): void
}

/** Blocks that are kept open of each pack: files lie in them in the order in which they are asked for, mostly. */
const openBlocks = 16

function openPack(folder: string, { name, indexOffset, indexLength }: KnownPack): OpenPack {
  const file = path.join(folder, name)
  const fd = openSync(file, 'r')
  const blocks = new Map<number, Uint8Array>()
  try {
    const index = decodeIndex(readAt(fd, indexOffset, indexLength, file), indexOffset, file)
    const block = (number: number) => {
      const known = blocks.get(number)
      if (known !== undefined) return known
      const { offset, stored } = index.blocks[number]!
      const plain = openBlock(readAt(fd, offset, stored, file), index.blocks[number]!, file)
      if (blocks.size >= openBlocks) blocks.delete(blocks.keys().next().value!)
      blocks.set(number, plain)
      return plain
    }
    return {
      name: file,
      index,
      read: (entry) => block(entry.block).subarray(entry.offset, entry.offset + entry.length),
      close: () => closeSync(fd),
    }
  } catch (error) {
    closeSync(fd)
    throw diskFault(error, file, 'read a pack')
  }
}

function readAt(fd: number, position: number, length: number, at: string): Buffer {
  const bytes = Buffer.alloc(length)
  const read = readSync(fd, bytes, 0, length, position)
  if (read !== length) throw new Fault('corrupt', `a pack ends at ${position + read}, within what it should have`, { at })
  return bytes
}
