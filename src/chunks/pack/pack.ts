import { createHash, hash } from 'node:crypto'
import { type Digest, Fault, hexOf, isDigest } from '../../kit/index.ts'
import { digestAt } from '../chunk.ts'
import type { PackBody } from './packer.ts'
import { encodeTrailer, headerBytes, type PackContents, parseTrailer } from './trailer.ts'

/**
 * A pack: header, blocks, trailer, end. The header has a number used once, so that no two packs have the same bytes, and a
 * pack that was deleted never comes back under its name.
 */
const magic = Buffer.from('hfpack/1')
const endMagic = Buffer.from('hfpack/e')
/** Trailer length, its SHA-256, and the magic. */
export const endBytes = 4 + 32 + 8
/** What a reader is ready to take for one pack; writers close theirs far below. */
export const maxPackBytes = 1 << 30

const start = 'packs/'

export function packKey(pack: Digest): string {
  const hex = hexOf(pack)
  return `${start}${hex.slice(0, 2)}/${hex}`
}

export function digestOfPackKey(key: string): Digest | undefined {
  const digest = `sha256:${key.slice(start.length + 3)}`
  return isDigest(digest) && packKey(digest) === key ? digest : undefined
}

export interface Pack {
  readonly id: Digest
  readonly size: number
  /** The whole pack, in pieces. */
  readonly pieces: readonly Uint8Array[]
  readonly trailer: Uint8Array
}

/** One pack of those bodies. `nonce`: 16 bytes that were never used before. */
export function sealPack(bodies: readonly PackBody[], nonce: Uint8Array): Pack {
  const trailer = encodeTrailer(bodies.flatMap(({ blocks }) => blocks))
  const end = Buffer.alloc(endBytes)
  end.writeUInt32LE(trailer.byteLength, 0)
  hash('sha256', trailer, 'buffer').copy(end, 4)
  endMagic.copy(end, 36)
  const pieces = [Buffer.concat([magic, nonce], headerBytes), ...bodies.flatMap((body) => body.pieces), trailer, end]
  const state = createHash('sha256')
  for (const piece of pieces) state.update(piece)
  return {
    id: `sha256:${state.digest('hex')}`,
    size: pieces.reduce((sum, piece) => sum + piece.byteLength, 0),
    pieces,
    trailer,
  }
}

/** A number that no other pack has: `writer` is the id of a lease, `count` differs for each pack of it. */
export function nonceOf(writer: string, count: string): Uint8Array {
  return hash('sha256', `${writer}/${count}`, 'buffer').subarray(0, 16)
}

/** How long the trailer is, told by a pack's last 44 bytes. `corrupt` where they are not the end of a pack of that size. */
export function parseEnd(end: Uint8Array, size: number, at: string): { readonly trailerBytes: number; readonly digest: Digest } {
  const bytes = Buffer.from(end.buffer, end.byteOffset, end.byteLength)
  if (bytes.byteLength !== endBytes || !bytes.subarray(36).equals(endMagic))
    throw new Fault('corrupt', 'the pack has no end: it was cut off, or is none', { at })
  const trailerBytes = bytes.readUInt32LE(0)
  if (trailerBytes > size - headerBytes - endBytes)
    throw new Fault('corrupt', `the pack's list of contents is longer than the pack`, { at })
  return { trailerBytes, digest: digestAt(bytes, 4) }
}

/** The contents that a pack's trailer tells, once its digest and its agreement with the pack's size have been checked. */
export function checkTrailer(trailer: Uint8Array, digest: Digest, size: number, at: string): PackContents {
  if (`sha256:${hash('sha256', trailer)}` !== digest)
    throw new Fault('corrupt', `the pack's list of contents does not match its digest`, { at })
  const contents = parseTrailer(trailer, at)
  if (packSizeOf(contents) !== size)
    throw new Fault('corrupt', `the pack should have ${packSizeOf(contents)} bytes and has ${size}`, { at })
  return contents
}

export function packSizeOf({ blocks, trailer }: PackContents): number {
  const last = blocks.at(-1)
  return (last === undefined ? headerBytes : last.offset + last.stored) + trailer.byteLength + endBytes
}

/** Whether the pack begins as packs of this version do. */
export function checkHeader(header: Uint8Array, at: string): void {
  if (!Buffer.from(header.buffer, header.byteOffset, header.byteLength).subarray(0, 8).equals(magic))
    throw new Fault('corrupt', 'the pack has no beginning: it is damaged, or is none', { at })
}
