import { createHash } from 'node:crypto'
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import path from 'node:path'
import { diskFault, temporaryBeside, makeDirectoriesSync } from '../../kit/index.ts'
import { blockBytes } from '../format/limits.ts'
import { compressBlock, encodeIndex, type PackBlock, type PackEntry } from '../format/pack.ts'
import type { KnownPack } from './cache.ts'

/** What is put into a pack. */
export type PackPiece = Pick<PackEntry, 'revision' | 'digest' | 'from' | 'base'>

export interface PackWriter {
  /** Puts bytes into the pack, unless one with this digest is in it already. They may be changed afterwards. */
  add(piece: PackPiece, bytes: Uint8Array): void
  /** Makes the pack durable under the SHA-256 of its bytes; undefined, and no file, where nothing was put in. */
  finish(): KnownPack | undefined
  /** Leaves nothing behind, unless it is finished. */
  abandon(): void
}

/** A pack in the folder, which is made with its first block. */
export function createPackWriter(folder: string): PackWriter {
  const file = createPackFile(folder)
  const blocks: PackBlock[] = []
  const entries: PackEntry[] = []
  const digests = new Set<string>()
  const room = Buffer.allocUnsafeSlow(blockBytes)
  let held = 0

  const writeBlock = (plain: Uint8Array) => {
    const { method, bytes } = compressBlock(plain)
    blocks.push({ method, offset: file.size, stored: bytes.byteLength, plain: plain.byteLength })
    file.write(bytes)
  }
  const endBlock = () => {
    writeBlock(room.subarray(0, held))
    held = 0
  }
  return {
    add(piece, bytes) {
      if (digests.has(piece.digest)) return
      digests.add(piece.digest)
      const length = bytes.byteLength
      if (held > 0 && held + length > blockBytes) endBlock()
      entries.push({ ...piece, length, block: blocks.length, offset: held })
      if (length > blockBytes) return writeBlock(bytes)
      room.set(bytes, held)
      held += length
    },
    finish() {
      if (entries.length === 0) return undefined
      if (held > 0 || blocks.length === 0) endBlock()
      const index = encodeIndex(blocks, entries)
      const indexOffset = file.size
      file.write(index)
      const name = file.keep()
      const revisions = entries.map(({ revision }) => revision)
      return {
        name,
        size: file.size,
        indexOffset,
        indexLength: index.byteLength,
        firstRevision: revisions.reduce((a, b) => Math.min(a, b)),
        lastRevision: revisions.reduce((a, b) => Math.max(a, b)),
        plain: blocks.reduce((sum, { plain }) => sum + plain, 0),
      }
    },
    abandon: file.abandon,
  }
}

/** A file that is named by its bytes once it has all of them. */
function createPackFile(folder: string) {
  const temporary = temporaryBeside(path.join(folder, 'pack'))
  const state = createHash('sha256')
  let fd: number | undefined
  let size = 0

  const close = () => {
    if (fd !== undefined) closeSync(fd)
    fd = undefined
  }
  return {
    get size() {
      return size
    },
    write(bytes: Uint8Array) {
      try {
        if (fd === undefined) {
          makeDirectoriesSync(folder)
          fd = openSync(temporary, 'wx')
        }
        for (let at = 0; at < bytes.byteLength;) at += writeSync(fd, bytes, at)
      } catch (error) {
        throw diskFault(error, folder, 'write a pack')
      }
      state.update(bytes)
      size += bytes.byteLength
    },
    /** Makes it durable, and gives its name. */
    keep(): string {
      const name = state.digest('hex')
      try {
        fsyncSync(fd!)
        close()
        renameSync(temporary, path.join(folder, name))
        syncFolder(folder)
      } catch (error) {
        throw diskFault(error, folder, 'write a pack')
      }
      return name
    },
    abandon() {
      if (fd === undefined) return
      close()
      rmSync(temporary, { force: true })
    },
  }
}

function syncFolder(folder: string): void {
  const fd = openSync(folder, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
