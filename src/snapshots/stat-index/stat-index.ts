import {
  closeSync,
  constants,
  copyFileSync,
  fstatSync,
  fsyncSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { type Digest, digestOf, diskFault, errno, hexOf, temporaryBeside, makeDirectoriesSync } from '../../kit/index.ts'
import { decodeRecord, encodeRecord, headBytes, type KnownDirectory, recordLength } from './record.ts'

/**
 * What a tree was when it was last seen, so that what has not changed since is not read again. A file in the cache folder that may be
 * deleted: records of directories, children before parents, and at the end where the record of the top is. Records never
 * change: a new index is the old one with new records after it, until more than half of it is of no use.
 */
export interface StatIndex {
  /** The snapshot that has everything which the records name. */
  readonly basis: Digest
  readonly top: KnownDirectory
  /** The record of a directory; undefined where it cannot be had, and then nothing is known of it. */
  directory(at: number): KnownDirectory | undefined
  close(): void
}

const magic = Buffer.from('HFSTAT\x01\n', 'latin1')
/** Basis, top, bytes of the index when it was last written anew, magic. */
const tailBytes = 32 + 8 + 8 + magic.length

/** Where the index of a tree lies; `base` is the absolute path, `what` else tells trees with the same path apart. */
export function statIndexFile(cacheDir: string, base: string, what: string): string {
  return path.join(cacheDir, 'stat-index', hexOf(digestOf(`${what}\n${base}`)).slice(0, 32))
}

/** Undefined where there is none that can be used. */
export function openStatIndex(file: string): StatIndex | undefined {
  let fd: number
  try {
    fd = openSync(file, 'r')
  } catch {
    // It is only a cache: without it more is read.
    return undefined
  }
  const read = (at: number) => readRecord(fd, at)
  const tail = readTail(fd)
  const top = tail === undefined ? undefined : read(tail.top)
  if (tail === undefined || top === undefined) {
    closeSync(fd)
    return undefined
  }
  return { basis: tail.basis, top, directory: read, close: () => closeSync(fd) }
}

interface Tail {
  readonly basis: Digest
  readonly top: number
  readonly fullBytes: number
  /** Bytes of records. */
  readonly end: number
}

function readTail(fd: number): Tail | undefined {
  const end = fstatSync(fd).size - tailBytes
  if (end < 0) return undefined
  const tail = readAt(fd, end, tailBytes)
  if (tail === undefined || !tail.subarray(-magic.length).equals(magic)) return undefined
  return {
    basis: `sha256:${tail.toString('hex', 0, 32)}`,
    top: Number(tail.readBigUInt64LE(32)),
    fullBytes: Number(tail.readBigUInt64LE(40)),
    end,
  }
}

function readRecord(fd: number, at: number): KnownDirectory | undefined {
  const head = readAt(fd, at, headBytes)
  const length = head === undefined ? undefined : recordLength(head)
  const record = length === undefined ? undefined : readAt(fd, at, length)
  return record === undefined ? undefined : decodeRecord(record, at)
}

/** Undefined where the file ends before, also for a place that no file reaches: a damaged index may name any. */
function readAt(fd: number, at: number, length: number): Buffer | undefined {
  if (at < 0 || at > 2 ** 52) return undefined
  const bytes = Buffer.allocUnsafe(length)
  for (let done = 0; done < length;) {
    const count = readSync(fd, bytes, done, length - done, at + done)
    if (count === 0) return undefined
    done += count
  }
  return bytes
}

export interface StatIndexWriter {
  /** Adds a record and says where it lies. The children of its entries are where `keep` or `add` said. */
  add(directory: Omit<KnownDirectory, 'at'>): number
  /** A directory of the old index that is as it was. */
  keep(at: number): number
  /** Replaces the file. */
  commit(top: number, basis: Digest): void
  /** Leaves the old one. Idempotent, and nothing after `commit`. */
  drop(): void
}

/** Begins a new index in place of the file, which may be the one that `old` reads. */
export function startStatIndex(file: string, old: StatIndex | undefined): StatIndexWriter {
  const begun = beginFile(file, old)
  const { fd, temporary } = begun
  let { end, fullBytes } = begun
  const isAnew = fullBytes === undefined
  const pending: Uint8Array[] = []
  let pendingBytes = 0
  let isOpen = true
  const flush = () => {
    if (pendingBytes > 0) writeFileSync(fd, Buffer.concat(pending))
    pending.length = 0
    pendingBytes = 0
  }
  const append = (bytes: Uint8Array) => {
    pending.push(bytes)
    pendingBytes += bytes.byteLength
    end += bytes.byteLength
    if (pendingBytes > 1 << 20) flush()
  }
  const add: StatIndexWriter['add'] = (directory) => {
    const at = end
    append(encodeRecord(directory))
    return at
  }
  const carry = (at: number): number => {
    const known = old!.directory(at)!
    return add({
      ...known,
      entries: known.entries.map((entry) => (entry.child === undefined ? entry : { ...entry, child: carry(entry.child) })),
    })
  }
  const drop = () => {
    if (!isOpen) return
    isOpen = false
    closeSync(fd)
    rmSync(temporary, { force: true })
  }
  return {
    add,
    keep: isAnew ? carry : (at) => at,
    commit(top, basis) {
      fullBytes ??= end
      append(encodeTail({ basis, top, fullBytes }))
      flush()
      fsyncSync(fd)
      closeSync(fd)
      isOpen = false
      renameSync(temporary, file)
    },
    drop,
  }
}

function beginFile(
  file: string,
  old: StatIndex | undefined,
): { fd: number; temporary: string; end: number; fullBytes: number | undefined } {
  const temporary = temporaryBeside(file)
  try {
    makeDirectoriesSync(path.dirname(file))
    if (old !== undefined) {
      copyFileSync(file, temporary, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
      const fd = openSync(temporary, 'r+')
      const tail = readTail(fd)
      if (tail !== undefined && tail.end < 2 * tail.fullBytes + (1 << 16) && readRecord(fd, tail.top)?.node === old.top.node) {
        closeSync(fd)
        truncateSync(temporary, tail.end)
        return { fd: openSync(temporary, 'a'), temporary, end: tail.end, fullBytes: tail.fullBytes }
      }
      closeSync(fd)
      rmSync(temporary)
    }
    return { fd: openSync(temporary, 'wx'), temporary, end: 0, fullBytes: undefined }
  } catch (error) {
    rmSync(temporary, { force: true })
    throw errno(error) === undefined ? error : diskFault(error, file, 'write the cache')
  }
}

function encodeTail({ basis, top, fullBytes }: Omit<Tail, 'end'>): Uint8Array {
  const tail = Buffer.alloc(tailBytes)
  tail.write(hexOf(basis), 0, 'hex')
  tail.writeBigUInt64LE(BigInt(top), 32)
  tail.writeBigUInt64LE(BigInt(fullBytes), 40)
  magic.copy(tail, 48)
  return tail
}
