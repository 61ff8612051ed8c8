import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { type ByteText, diskFault, temporaryBeside } from '../../kit/index.ts'
import { type FileMark, isSettled } from '../../kit/sys/index.ts'
import { isSameMark, type TreeMarks } from './marks.ts'

/**
 * Entries of a live tree and of its snapshot as they were when they were equal: while both are still that, nothing of them is
 * read. A file that may be lost or damaged: then nothing is known, and all is compared. It holds for one run of the machine,
 * since a power cut may lose what was written while its times stay.
 */
export interface KnownFiles {
  /** Whether these two were equal when both were last seen, and are unchanged since. */
  areEqual(path: ByteText, live: FileMark, base: FileMark): boolean
}

/** An entry whose two sides were seen to be equal. */
export interface EqualPair {
  readonly path: ByteText
  readonly live: FileMark
  readonly base: FileMark
}

/** What the marks are of: other devices have other inodes. */
export interface KnownRoots {
  readonly liveDevice: bigint
  readonly baseDevice: bigint
}

/** The entries of two trees of which one was made from the other: those that have one size and one time. */
export function pairsOf(live: TreeMarks, base: TreeMarks): EqualPair[] {
  return [...live].flatMap(([path, mark]) => {
    const other = base.get(path)
    return other?.size === mark.size && other.mtimeNs === mark.mtimeNs ? [{ path, live: mark, base: other }] : []
  })
}

const magic = Buffer.from('HFFILES\x01', 'latin1')
const headBytes = magic.length + 16 + 40 + 8
const markBytes = 32
/** More is not kept: it would take longer to read than it saves. */
const maxEntries = 1_000_000
const maxBytes = 512 << 20

export function readKnownFiles(file: string, roots: KnownRoots): KnownFiles | undefined {
  let bytes: Buffer
  try {
    if (statSync(file).size > maxBytes) return undefined
    bytes = readFileSync(file)
  } catch {
    // It only saves work.
    return undefined
  }
  const head = headOf(roots)
  if (bytes.length < headBytes || !bytes.subarray(0, head.length).equals(head)) return undefined
  const body = bytes.subarray(headBytes)
  if (crc32(body) !== bytes.readUInt32LE(head.length)) return undefined
  const places = placesIn(body, bytes.readUInt32LE(head.length + 4))
  return {
    areEqual(path, live, base) {
      const at = places.get(path)
      return at !== undefined && isSameMark(markAt(body, at), live) && isSameMark(markAt(body, at + markBytes), base)
    },
  }
}

/**
 * Replaces the file. Nothing waits for the disk: a torn one is no index. `since`: when others may have begun to change the live
 * tree, in milliseconds since 1970; what had changed right before may change again without a trace, and is left out.
 */
export function writeKnownFiles(file: string, roots: KnownRoots, all: readonly EqualPair[], since: number): void {
  const pairs = all.filter(({ live }) => isSettled(live, since))
  if (pairs.length > maxEntries) return rmSync(file, { force: true })
  const body = Buffer.allocUnsafe(pairs.reduce((sum, { path }) => sum + 2 + path.length + 2 * markBytes, 0))
  let at = 0
  for (const { path, live, base } of pairs) {
    at = body.writeUInt16LE(path.length, at)
    at += body.write(path, at, 'latin1')
    at = putMark(body, at, live)
    at = putMark(body, at, base)
  }
  const counts = Buffer.alloc(8)
  counts.writeUInt32LE(crc32(body), 0)
  counts.writeUInt32LE(pairs.length, 4)
  const temporary = temporaryBeside(file)
  try {
    writeFileSync(temporary, Buffer.concat([headOf(roots), counts, body]), { flag: 'wx' })
    renameSync(temporary, file)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw diskFault(error, file, 'write what is known of the files')
  }
}

function headOf({ liveDevice, baseDevice }: KnownRoots): Buffer {
  const head = Buffer.alloc(magic.length + 16 + 40)
  magic.copy(head)
  head.writeBigUInt64LE(liveDevice, magic.length)
  head.writeBigUInt64LE(baseDevice, magic.length + 8)
  head.write(bootId(), magic.length + 16, 40, 'latin1')
  return head
}

/** Of this run of the machine; the same text for all on a system that does not say. */
function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
  } catch {
    return ''
  }
}

/** Where the marks of each path lie; what does not fit is damage, and is left out. */
function placesIn(body: Buffer, count: number): Map<ByteText, number> {
  const places = new Map<ByteText, number>()
  for (let index = 0, at = 0; index < count && at + 2 <= body.length; index++) {
    const start = at + 2
    const end = start + body.readUInt16LE(at)
    at = end + 2 * markBytes
    if (at > body.length) break
    places.set(body.toString('latin1', start, end), end)
  }
  return places
}

function markAt(body: Buffer, at: number): FileMark {
  return {
    mtimeNs: body.readBigInt64LE(at),
    ctimeNs: body.readBigInt64LE(at + 8),
    ino: body.readBigUInt64LE(at + 16),
    size: Number(body.readBigUInt64LE(at + 24)),
  }
}

function putMark(body: Buffer, start: number, { mtimeNs, ctimeNs, ino, size }: FileMark): number {
  body.writeBigInt64LE(mtimeNs, start)
  body.writeBigInt64LE(ctimeNs, start + 8)
  body.writeBigUInt64LE(ino, start + 16)
  return body.writeBigUInt64LE(BigInt(size), start + 24)
}
