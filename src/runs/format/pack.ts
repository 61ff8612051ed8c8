import { type Digest, Fault, hexOf } from '../../kit/index.ts'
import { fromFrame, toFrame } from './frame.ts'
import { maxIndexBytes, maxPackedTail } from './limits.ts'

/** How the bytes of a block lie in the pack. */
export type BlockMethod = 'raw' | 'zstd'

export interface PackBlock {
  readonly method: BlockMethod
  /** Where it begins in the pack. */
  readonly offset: number
  readonly stored: number
  readonly plain: number
}

/**
 * The bytes from `from` to `from + length` of a file whose content up to `from + length` has this digest. `from` is 0 for the whole of a
 * small file; else the entry is a tail, and whoever has a file of `from` bytes, and proves that it begins so, needs only this.
 */
export interface PackEntry {
  /** When the file came to be so. */
  readonly revision: number
  readonly digest: Digest
  readonly from: number
  /** Of the file's first `from` bytes: the entry with this digest, where there is one, is what came before. Undefined where `from` is 0, or where nothing before is kept. */
  readonly base: Digest | undefined
  readonly length: number
  /** The number of the block, and where in its plain bytes the piece begins. */
  readonly block: number
  readonly offset: number
}

/** What a pack holds. Entries are decoded one at a time, so that an index of many costs its bytes and no more. */
export interface PackIndex {
  readonly blocks: readonly PackBlock[]
  readonly count: number
  entry(number: number): PackEntry
  entries(): Iterable<PackEntry>
}

const methods: readonly BlockMethod[] = ['raw', 'zstd']
const headBytes = 12
const blockEntryBytes = 17
const entryBytes = 88
const magic = 0x31786972 // rix1

/** Compressing must win a 32nd, else reading would pay for nothing. */
const gain = 32

/** One zstd frame, or the bytes themselves where they do not shrink. */
export function compressBlock(plain: Uint8Array): { readonly method: BlockMethod; readonly bytes: Uint8Array } {
  const packed = toFrame(plain)
  return packed.byteLength < plain.byteLength - plain.byteLength / gain
    ? { method: 'zstd', bytes: packed }
    : { method: 'raw', bytes: plain }
}

/** The plain bytes of a block. Anything but `block.plain` bytes is `corrupt`, and no more than that is ever made. */
export function openBlock(stored: Uint8Array, block: PackBlock, at: string): Uint8Array {
  if (stored.byteLength !== block.stored) {
    throw new Fault('corrupt', `a block of a pack should have ${block.stored} bytes and has ${stored.byteLength}`, { at })
  }
  if (block.method === 'raw') return stored
  const plain = fromFrame(stored, block.plain, 'a block of a pack', at)
  if (plain.byteLength === block.plain) return plain
  throw new Fault('corrupt', `a block of a pack should have ${block.plain} plain bytes and has ${plain.byteLength}`, { at })
}

/** The frame that ends a pack. */
export function encodeIndex(blocks: readonly PackBlock[], entries: readonly PackEntry[]): Uint8Array {
  const plain = Buffer.alloc(headBytes + blocks.length * blockEntryBytes + entries.length * entryBytes)
  if (plain.byteLength > maxIndexBytes) {
    throw new Fault('unsupported', `an index of ${entries.length} files is larger than the limit of ${maxIndexBytes} bytes`)
  }
  plain.writeUInt32LE(magic, 0)
  plain.writeUInt32LE(blocks.length, 4)
  plain.writeUInt32LE(entries.length, 8)
  let at = headBytes
  for (const { method, offset, stored, plain: length } of blocks) {
    plain.writeUInt8(methods.indexOf(method), at)
    plain.writeBigUInt64LE(BigInt(offset), at + 1)
    plain.writeUInt32LE(stored, at + 9)
    plain.writeUInt32LE(length, at + 13)
    at += blockEntryBytes
  }
  for (const { revision, digest, from, base, length, block, offset } of entries) {
    plain.writeUInt32LE(revision, at)
    plain.write(hexOf(digest), at + 4, 'hex')
    plain.writeBigUInt64LE(BigInt(from), at + 36)
    plain.writeUInt32LE(length, at + 44)
    plain.writeUInt32LE(block, at + 48)
    plain.writeUInt32LE(offset, at + 52)
    if (base !== undefined) plain.write(hexOf(base), at + 56, 'hex')
    at += entryBytes
  }
  return toFrame(plain)
}

/**
 * An index from the frame that its pack row names. Every block lies before `end`, where the index begins, and every entry within its
 * block; anything else is `corrupt`. Whether an entry's bytes are what they say only their digest tells.
 */
export function decodeIndex(frame: Uint8Array, end: number, at: string): PackIndex {
  const bytes = fromFrame(frame, maxIndexBytes, 'the index of a pack', at)
  const index = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const wrong = (what: string) => new Fault('corrupt', `the index of a pack is damaged: ${what}`, { at })
  if (index.byteLength < headBytes || index.readUInt32LE(0) !== magic) throw wrong('it does not begin as one')
  const [blockCount, count] = [index.readUInt32LE(4), index.readUInt32LE(8)]
  const first = headBytes + blockCount * blockEntryBytes
  if (index.byteLength !== first + count * entryBytes) throw wrong(`${blockCount} blocks and ${count} entries in ${index.byteLength} bytes`)
  const blocks = Array.from({ length: blockCount }, (_, number) => blockAt(index, headBytes + number * blockEntryBytes))
  for (const { method, offset, stored, plain } of blocks) {
    const isWhole =
      method !== undefined && offset + stored <= end && plain <= maxPackedTail && stored <= plain && (method === 'zstd' || stored === plain)
    if (!isWhole) throw wrong('a block that cannot be')
  }
  const checked = blocks as readonly PackBlock[]
  const entry = (number: number) => {
    if (number < 0 || number >= count) throw new Fault('bug', `the index of a pack has no entry ${number}`, { at })
    const found = entryAt(index, first + number * entryBytes)
    const block = checked[found.block]
    if (block === undefined || found.offset + found.length > block.plain) throw wrong(`entry ${number} does not lie in a block`)
    if (found.from === 0 ? found.length > maxPackedTail : found.length === 0) throw wrong(`entry ${number} cannot be`)
    return found
  }
  return {
    blocks: checked,
    count,
    entry,
    *entries() {
      for (let number = 0; number < count; number++) yield entry(number)
    },
  }
}

function blockAt(index: Buffer, at: number): Omit<PackBlock, 'method'> & { readonly method: BlockMethod | undefined } {
  return {
    method: methods[index.readUInt8(at)],
    offset: Number(index.readBigUInt64LE(at + 1)),
    stored: index.readUInt32LE(at + 9),
    plain: index.readUInt32LE(at + 13),
  }
}

/** All zeros stand for none. */
function baseAt(index: Buffer, at: number): Digest | undefined {
  const bytes = index.subarray(at, at + 32)
  return bytes.every((byte) => byte === 0) ? undefined : `sha256:${bytes.toString('hex')}`
}

function entryAt(index: Buffer, at: number): PackEntry {
  const from = Number(index.readBigUInt64LE(at + 36))
  return {
    revision: index.readUInt32LE(at),
    digest: `sha256:${index.toString('hex', at + 4, at + 36)}`,
    from,
    base: baseAt(index, at + 56),
    length: index.readUInt32LE(at + 44),
    block: index.readUInt32LE(at + 48),
    offset: index.readUInt32LE(at + 52),
  }
}
