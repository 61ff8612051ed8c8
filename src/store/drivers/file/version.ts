import { type BigIntStats, constants } from 'node:fs'
import { abortable } from '../../intake.ts'
import { errno, pieceSize, throwIfAborted } from '../../../kit/index.ts'
import { checkReading } from '../../range.ts'
import type { GetOptions, ObjectReader, ReaderOptions } from '../../store.ts'
import { isLink, replaced, type Version } from '../layout.ts'
import { type Folder, nameOf, onDisk } from './folder.ts'

export function versionOf(key: string, file: string, slot: number, stat: BigIntStats): Version {
  return { key, path: file, slot, info: { key, size: Number(stat.size), etag: etagOf(slot, stat), modified: Number(stat.mtimeMs) } }
}

/** Every put makes a new inode, so that inode, size and time tell versions apart; a hand-edited file shows in size or time. */
function etagOf(slot: number, { ino, size, mtimeNs }: BigIntStats): string {
  return `${slot === 0 ? '' : `g${slot}-`}${ino.toString(36)}-${size.toString(36)}-${mtimeNs.toString(36)}`
}

/** The version's bytes from `start` up to `end`. A version that is no longer there, or was changed in place, is `precondition`. */
export async function* readVersion(
  folder: Folder,
  version: Version,
  { start, end }: { start: number; end: number },
  { signal, oneBuffer = false }: Pick<GetOptions, 'signal' | 'oneBuffer'>,
): AsyncGenerator<Uint8Array> {
  yield* abortable(readPieces(folder, version, { start, end, oneBuffer }), signal)
}

interface Reading {
  readonly start: number
  readonly end: number
  /** Each piece overwrites the one before. */
  readonly oneBuffer: boolean
}

async function* readPieces(folder: Folder, version: Version, { start, end, oneBuffer }: Reading): AsyncGenerator<Uint8Array> {
  const at = nameOf(folder, version.key)
  const file = await openVersion(folder, version)
  try {
    const check = async () => {
      const now = await onDisk(file.stat({ bigint: true }), at, 'look at it')
      if (etagOf(version.slot, now) !== version.info.etag) throw replaced(at)
    }
    await check()
    let kept: Uint8Array | undefined
    for (let position = start; position < end;) {
      // Not filled with zeros first: what is given is what was read into it.
      const length = Math.min(pieceSize, end - position)
      const piece = kept?.subarray(0, length) ?? new Uint8Array(Buffer.allocUnsafeSlow(length).buffer)
      if (oneBuffer) kept ??= piece
      const { bytesRead } = await onDisk(file.read(piece, 0, piece.byteLength, position), at, 'read it')
      if (bytesRead === 0) throw replaced(at)
      position += bytesRead
      // Before the last piece is given: a file changed by hand while it was read must not pass for whole.
      if (position >= end) await check()
      yield piece.subarray(0, bytesRead)
    }
  } finally {
    await onDisk(file.close(), at, 'close it')
  }
}

/** The version open for many reads. With `mayGrow` it may become longer while it is read; its facts are those it has now. */
export async function readerOf(folder: Folder, version: Version, { mayGrow = false, signal }: ReaderOptions): Promise<ObjectReader> {
  const at = nameOf(folder, version.key)
  const file = await openVersion(folder, version)
  const look = async () =>
    versionOf(version.key, version.path, version.slot, await onDisk(file.stat({ bigint: true }), at, 'look at it')).info
  let closing: Promise<void> | undefined
  const close = async () => await (closing ??= onDisk(file.close(), at, 'close it'))
  try {
    const info = await look()
    if (!mayGrow && info.etag !== version.info.etag) throw replaced(at)
    return {
      info,
      close,
      async read(start, end) {
        checkReading(start, end, info.size, at)
        throwIfAborted(signal)
        const bytes = new Uint8Array(end - start)
        for (let done = 0; done < bytes.byteLength;) {
          const { bytesRead } = await onDisk(file.read(bytes, done, bytes.byteLength - done, start + done), at, 'read it')
          throwIfAborted(signal)
          if (bytesRead === 0) throw replaced(at)
          done += bytesRead
        }
        if (!mayGrow && (await look()).etag !== info.etag) throw replaced(at)
        return bytes
      },
    }
  } catch (error) {
    await close()
    throw error
  }
}

async function openVersion(folder: Folder, version: Version) {
  const at = nameOf(folder, version.key)
  try {
    return await folder.disk.open(version.path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    if (errno(error) === 'ENOENT' || errno(error) === 'ENOTDIR') throw replaced(at)
    if (errno(error) === 'ELOOP') throw isLink(version.path, at)
    return await onDisk(Promise.reject(error), at, 'open it')
  }
}
