import { type Digest, Fault } from '../../kit/index.ts'
import { type BinaryReader, binaryReader, type BinaryWriter, binaryWriter } from './binary.ts'
import type { Content, Entry, EntryFacts, EntryKind, Part, Xattr } from './entry.ts'
import { type ByteText, maxPathBytes, shownName, whatIsWrongWithName } from './name.ts'

/**
 * Tree nodes in their one form: the same content has the same bytes and so the same digest. `docs/formats.md` specifies it.
 * Decoding believes nothing: whatever is not in this form throws `corrupt`.
 */
export type Node =
  | { readonly kind: 'directory'; readonly entries: readonly Entry[] }
  /** A directory of more entries than fit into one node: its pieces in order. */
  | { readonly kind: 'split-directory'; readonly pieces: readonly DirectoryPiece[] }
  /** Parts of a file. */
  | { readonly kind: 'part-list'; readonly parts: readonly Part[] }
  /** Lists of lists, for files of very many parts. */
  | { readonly kind: 'list-of-lists'; readonly lists: readonly ListPiece[] }

export interface DirectoryPiece {
  readonly first: ByteText
  readonly count: number
  readonly node: Digest
}

export interface ListPiece {
  /** Bytes of the file that the list covers, holes included. */
  readonly length: number
  readonly node: Digest
}

/** Bytes of one node. */
export const maxNodeBytes = 1 << 20
/** Parts that an entry holds itself; more go into a list node. */
export const maxPartsInEntry = 64
/** Bytes of all extended attributes of one entry, names included. */
export const maxXattrBytes = 256 << 10
const maxXattrs = 4096
export const maxTargetBytes = 4095
const maxOwnerBytes = 255
const maxItems = 65_536
const max32 = 0xffff_ffff
/** Bytes of one part: its length is stored doubled. */
const maxPart = 2 ** 52

const magic = [0x48, 0x46, 0x4e, 0x01]
const nodeKinds = ['directory', 'split-directory', 'part-list', 'list-of-lists'] as const
const entryKinds: readonly EntryKind[] = ['file', 'directory', 'symlink', 'hardlink', 'fifo', 'character-device', 'block-device']
const codeOf = Object.fromEntries(entryKinds.map((kind, index) => [kind, index + 1])) as Record<EntryKind, number>

/** A directory's node from the bytes of its entries, which are in order. */
export function encodeDirectory(entries: readonly Uint8Array[]): Uint8Array {
  const writer = startNode('directory', entries.length)
  for (const entry of entries) writer.raw(entry)
  return writer.take()
}

export function encodeSplitDirectory(pieces: readonly DirectoryPiece[]): Uint8Array {
  const writer = startNode('split-directory', pieces.length)
  for (const { first, count, node } of pieces) {
    writer.text(first)
    writer.varint(count)
    writer.digest(node)
  }
  if (writer.length > maxNodeBytes)
    throw new Fault('unsupported', 'a directory has more entries than a snapshot can hold (about ten million)')
  return writer.take()
}

export function encodePartList(parts: readonly Part[]): Uint8Array {
  const writer = startNode('part-list', parts.length)
  for (const part of parts) writePart(writer, part)
  return writer.take()
}

export function encodeListOfLists(lists: readonly ListPiece[]): Uint8Array {
  const writer = startNode('list-of-lists', lists.length)
  for (const { length, node } of lists) {
    writer.varint(length)
    writer.digest(node)
  }
  return writer.take()
}

function startNode(kind: Node['kind'], count: number): BinaryWriter {
  const writer = binaryWriter()
  for (const byte of magic) writer.byte(byte)
  writer.byte(nodeKinds.indexOf(kind) + 1)
  writer.varint(count)
  return writer
}

/** One entry: it means the same in any directory. */
export function encodeEntry(entry: Entry, writer: BinaryWriter = binaryWriter()): Uint8Array {
  writer.byte(codeOf[entry.kind])
  writer.text(entry.name)
  writer.varint(entry.mode)
  writer.varint(entry.uid)
  writer.varint(entry.gid)
  writer.bytes(Buffer.from(entry.user, 'utf8'))
  writer.bytes(Buffer.from(entry.group, 'utf8'))
  writeTime(writer, entry.mtimeNs)
  writer.varint(entry.xattrs === undefined ? 0 : entry.xattrs.length + 1)
  for (const { name, value } of entry.xattrs ?? []) {
    writer.text(name)
    writer.bytes(value)
  }
  switch (entry.kind) {
    case 'file':
      writeContent(writer, entry.content)
      break
    case 'hardlink':
      writer.text(entry.target)
      writeContent(writer, entry.content)
      break
    case 'directory':
      writer.digest(entry.node)
      break
    case 'symlink':
      writer.text(entry.target)
      break
    case 'character-device':
    case 'block-device':
      writer.varint(entry.major)
      writer.varint(entry.minor)
      break
    case 'fifo':
      break
  }
  return writer.take()
}

function writeTime(writer: BinaryWriter, mtimeNs: bigint): void {
  let seconds = Number(mtimeNs / 1_000_000_000n)
  let nanoseconds = Number(mtimeNs % 1_000_000_000n)
  if (nanoseconds < 0) {
    nanoseconds += 1_000_000_000
    seconds--
  }
  writer.varint(seconds >= 0 ? seconds * 2 : -seconds * 2 - 1)
  writer.varint(nanoseconds)
}

function writeContent(writer: BinaryWriter, { size, parts, list }: Content): void {
  writer.varint(size)
  if (list !== undefined) {
    writer.byte(1)
    writer.digest(list)
    return
  }
  writer.byte(0)
  writer.varint(parts!.length)
  for (const part of parts!) writePart(writer, part)
}

function writePart(writer: BinaryWriter, { length, id }: Part): void {
  writer.varint(length * 2 + (id === undefined ? 1 : 0))
  if (id !== undefined) writer.digest(id)
}

/** Any node from its bytes. `at` names it in faults. */
export function decodeNode(bytes: Uint8Array, at = 'a tree node'): Node {
  const reader = binaryReader(bytes, at)
  if (bytes.byteLength > maxNodeBytes) reader.fail(`it is larger than ${maxNodeBytes} bytes`)
  for (const byte of magic) if (reader.byte() !== byte) reader.fail('it does not begin like one, or is of a newer format')
  const kind = nodeKinds[reader.byte() - 1] ?? reader.fail('its kind is unknown')
  const count = reader.varint(maxItems)
  const node = readNode(reader, kind, count)
  reader.end()
  return node
}

function readNode(reader: BinaryReader, kind: Node['kind'], count: number): Node {
  switch (kind) {
    case 'directory':
      return { kind, entries: readInOrder(reader, count, readEntry, ({ name }) => name) }
    case 'split-directory': {
      const pieces = readInOrder(reader, count, readPiece, ({ first }) => first)
      if (pieces.length < 2) reader.fail('a split directory has less than two pieces')
      return { kind, pieces }
    }
    case 'part-list':
      return { kind, parts: readParts(reader, count) }
    case 'list-of-lists': {
      const lists = Array.from({ length: count }, () => ({ length: reader.varint(), node: reader.digest() }))
      if (lists.length < 2) reader.fail('a list of lists has less than two lists')
      return { kind, lists }
    }
  }
}

function readInOrder<T>(reader: BinaryReader, count: number, read: (reader: BinaryReader) => T, nameOf: (item: T) => ByteText): T[] {
  const items: T[] = []
  let last: ByteText | undefined
  for (let index = 0; index < count; index++) {
    const item = read(reader)
    const name = nameOf(item)
    if (last !== undefined && name <= last) reader.fail(`${shownName(name)} does not come after ${shownName(last)}`)
    last = name
    items.push(item)
  }
  return items
}

function readPiece(reader: BinaryReader): DirectoryPiece {
  return { first: readName(reader), count: reader.varint(maxItems), node: reader.digest() }
}

/** One entry from bytes that hold it and nothing else. */
export function decodeEntry(bytes: Uint8Array, at = 'an entry'): Entry {
  const reader = binaryReader(bytes, at)
  const entry = readEntry(reader)
  reader.end()
  return entry
}

function readEntry(reader: BinaryReader): Entry {
  const kind = entryKinds[reader.byte() - 1] ?? reader.fail('the kind of an entry is unknown')
  const facts: EntryFacts = {
    name: readName(reader),
    mode: reader.varint(0o7777),
    uid: reader.varint(max32),
    gid: reader.varint(max32),
    user: readOwner(reader),
    group: readOwner(reader),
    mtimeNs: readTime(reader),
    xattrs: readXattrs(reader),
  }
  switch (kind) {
    case 'file':
      return { ...facts, kind, content: readContent(reader) }
    case 'hardlink':
      return { ...facts, kind, target: readTargetPath(reader), content: readContent(reader) }
    case 'directory':
      return { ...facts, kind, node: reader.digest() }
    case 'symlink': {
      const target = reader.text('the target of a symbolic link', 1, maxTargetBytes)
      if (target.includes('\0')) reader.fail('the target of a symbolic link has a zero byte')
      return { ...facts, kind, target }
    }
    case 'fifo':
      return { ...facts, kind }
    case 'character-device':
    case 'block-device':
      return { ...facts, kind, major: reader.varint(max32), minor: reader.varint(max32) }
  }
}

function readName(reader: BinaryReader): ByteText {
  const name = reader.text('a name', 1, 255)
  const wrong = whatIsWrongWithName(name)
  if (wrong !== undefined) reader.fail(`a name cannot be used: ${wrong}`)
  return name
}

function readOwner(reader: BinaryReader): string {
  const bytes = reader.bytes("an owner's name", maxOwnerBytes)
  const text = Buffer.from(bytes).toString('utf8')
  if (Buffer.byteLength(text) !== bytes.byteLength || text.includes('\ufffd')) reader.fail("an owner's name is not UTF-8")
  return text
}

function readTargetPath(reader: BinaryReader): ByteText {
  const target = reader.text('the first name of a hard link', 1, maxPathBytes)
  for (const name of target.split('/')) {
    const wrong = whatIsWrongWithName(name)
    if (wrong !== undefined) reader.fail(`the first name of a hard link leaves the tree: ${wrong}`)
  }
  return target
}

function readTime(reader: BinaryReader): bigint {
  const folded = reader.varint()
  const seconds = folded % 2 === 0 ? folded / 2 : -(folded + 1) / 2
  return BigInt(seconds) * 1_000_000_000n + BigInt(reader.varint(999_999_999))
}

function readXattrs(reader: BinaryReader): Xattr[] | undefined {
  const folded = reader.varint(maxXattrs + 1)
  if (folded === 0) return undefined
  let size = 0
  return readInOrder(
    reader,
    folded - 1,
    () => {
      const name = reader.text('the name of an extended attribute', 1, 255)
      if (name.includes('\0')) reader.fail('the name of an extended attribute has a zero byte')
      const value = reader.bytes('an extended attribute', maxXattrBytes)
      size += name.length + value.byteLength
      if (size > maxXattrBytes) reader.fail(`the extended attributes of one entry have more than ${maxXattrBytes} bytes`)
      return { name, value }
    },
    ({ name }) => name,
  )
}

function readContent(reader: BinaryReader): Content {
  const size = reader.varint()
  const form = reader.byte()
  if (form === 1) return { size, parts: undefined, list: reader.digest() }
  if (form !== 0) reader.fail('the form of a content is unknown')
  const parts = readParts(reader, reader.varint(maxPartsInEntry))
  const total = parts.reduce((sum, { length }) => sum + length, 0)
  if (total !== size) reader.fail(`the parts of a file of ${size} bytes have ${total}`)
  return { size, parts, list: undefined }
}

function readParts(reader: BinaryReader, count: number): Part[] {
  const parts: Part[] = []
  for (let index = 0; index < count; index++) {
    const folded = reader.varint()
    const isHole = folded % 2 === 1
    const length = (folded - (isHole ? 1 : 0)) / 2
    if (length === 0 || length > maxPart) reader.fail('a part of a file is empty or too long')
    if (isHole && index > 0 && parts[index - 1]!.id === undefined) reader.fail('a hole follows a hole')
    parts.push({ length, id: isHole ? undefined : reader.digest() })
  }
  return parts
}
