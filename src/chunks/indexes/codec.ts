import { type Digest, Fault, hexOf, isDigest } from '../../kit/index.ts'
import { digestAt, idBytes, idOf } from '../chunk.ts'
import { type PackContents, parseTrailer } from '../pack/trailer.ts'

/** What one index object says: packs with what is in them, and packs that are gone for good. */
export interface IndexContents {
  readonly packs: readonly IndexedPack[]
  readonly gone: readonly GonePack[]
}

export interface IndexedPack {
  readonly id: Digest
  readonly contents: PackContents
}

/** A pack that was taken out of use, and when, in milliseconds since 1970: no index that still has it counts. */
export interface GonePack {
  readonly id: Digest
  readonly at: number
}

const magic = Buffer.from('hfindex1')
const start = 'index/'
export const indexPrefix = start
/** An index of ten million chunks fits. */
export const maxIndexBytes = 512 << 20

export function indexKey(digest: Digest): string {
  return start + hexOf(digest)
}

export function digestOfIndexKey(key: string): Digest | undefined {
  const digest = `sha256:${key.slice(start.length)}`
  return isDigest(digest) && indexKey(digest) === key ? digest : undefined
}

export function encodeIndex({ packs, gone }: IndexContents): Uint8Array {
  const numbers = Buffer.alloc(8)
  numbers.writeUInt32LE(packs.length, 0)
  numbers.writeUInt32LE(gone.length, 4)
  const pieces: Uint8Array[] = [magic, numbers]
  for (const { id, contents } of packs) {
    const length = Buffer.alloc(4)
    length.writeUInt32LE(contents.trailer.byteLength)
    pieces.push(idOf(id), length, contents.trailer)
  }
  for (const { id, at } of gone) {
    const time = Buffer.alloc(8)
    time.writeBigUInt64LE(BigInt(at))
    pieces.push(idOf(id), time)
  }
  return Buffer.concat(pieces)
}

/** Strict: anything else than what `encodeIndex` makes is `corrupt`. */
export function parseIndex(bytes: Uint8Array, at: string): IndexContents {
  const reader = readerOf(bytes, at)
  if (!Buffer.from(reader.take(8)).equals(magic)) {
    throw new Fault('unsupported', 'the index has a form that this version does not know', {
      at,
      hint: 'use the newest version of holdfast',
    })
  }
  const [packCount, goneCount] = [reader.number(), reader.number()]
  const packs: IndexedPack[] = []
  for (let index = 0; index < packCount; index++) {
    const id = digestAt(reader.take(idBytes), 0)
    packs.push({ id, contents: parseTrailer(reader.take(reader.number()), at) })
  }
  const gone: GonePack[] = []
  for (let index = 0; index < goneCount; index++) {
    const id = digestAt(reader.take(idBytes), 0)
    const time = Buffer.from(reader.take(8)).readBigUInt64LE()
    if (time > BigInt(Number.MAX_SAFE_INTEGER)) throw new Fault('corrupt', 'the index is damaged: a time that cannot be', { at })
    gone.push({ id, at: Number(time) })
  }
  reader.end()
  return { packs, gone }
}

function readerOf(bytes: Uint8Array, at: string) {
  let position = 0
  const take = (length: number) => {
    if (position + length > bytes.byteLength) throw new Fault('corrupt', 'the index is cut off', { at })
    position += length
    return bytes.subarray(position - length, position)
  }
  return {
    take,
    number: () => Buffer.from(take(4)).readUInt32LE(),
    end() {
      if (position !== bytes.byteLength) throw new Fault('corrupt', `the index has ${bytes.byteLength - position} bytes too many`, { at })
    },
  }
}
