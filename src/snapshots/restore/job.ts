import { closeSync, constants, fdatasyncSync, ftruncateSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { diskFault, Fault } from '../../kit/index.ts'
import { clearRange } from '../attributes/index.ts'
import { type ByteText, joinBytes, shownName, systemPath } from '../tree/name.ts'
import type { Part } from '../tree/entry.ts'
import type { Held } from './held.ts'
import { type FileDifference, readFully, type Stretch, stretchesOf } from './local-file.ts'

/** A file on its way to what it should be. It is given its missing chunks in any order; with the last one it is done. */
export interface FileJob {
  readonly path: ByteText
  readonly missing: readonly Stretch[]
  /** Bytes that it holds in memory until it is done. */
  readonly held: number
  /** The bytes of one of `missing`. Throws the faults of the disk. */
  give(stretch: Stretch, bytes: Uint8Array): void
  /** After all were given: the file is what it should be, and `settle` sets what else it has, by its descriptor, before it gets its name. */
  finish(settle: (fd: number) => void): void
  /** Leaves nothing but what was there before, or, of a file that is changed in place, a part of it. */
  drop(): void
}

/** What was written, in bytes. */
export interface Written {
  bytes: number
}

/** Files up to this many bytes are written whole under a temporary name. */
export const wholeBytes = 64 << 10
/** Differences within a chunk are looked for in steps of so many bytes: what a disk writes at least. */
const step = 4096

/** A small file, put together in memory and written at once. `content` has what is known already, and zeros for holes. */
export function wholeFile(directory: Held, name: ByteText, content: Buffer, missing: readonly Stretch[], written: Written): FileJob {
  const path = joinBytes(directory.name, name)
  return {
    path,
    missing,
    held: content.byteLength,
    give: ({ offset }, bytes) => content.set(bytes, offset),
    finish(settle) {
      const temporary = openTemporary(directory, path)
      temporary.attempt((fd) => {
        writeFully(fd, content, 0)
        written.bytes += content.byteLength
        settle(fd)
        temporary.rename(name)
      })
    },
    drop: () => undefined,
  }
}

/** A large file that is not there: written under a temporary name as its chunks come. Holes are left out. */
export function freshFile(directory: Held, name: ByteText, size: number, parts: readonly Part[], written: Written): FileJob {
  const path = joinBytes(directory.name, name)
  let temporary: Temporary | undefined
  const open = () => {
    if (temporary === undefined) {
      temporary = openTemporary(directory, path)
      temporary.attempt((fd) => ftruncateSync(fd, size))
    }
    return temporary
  }
  return {
    path,
    missing: [...stretchesOf(parts)].filter(({ part }) => part.id !== undefined),
    held: 0,
    give: ({ offset }, bytes) =>
      open().attempt((fd) => {
        writeFully(fd, bytes, offset)
        written.bytes += bytes.byteLength
      }),
    finish: (settle) =>
      open().attempt((fd) => {
        settle(fd)
        open().rename(name)
      }),
    drop: () => temporary?.drop(),
  }
}

/** A large file that is there: only the blocks that differ are written, within it. `fd` is open for both and the job's from here on. */
export function patchedFile(
  directory: Held,
  name: ByteText,
  fd: number,
  size: number,
  difference: FileDifference,
  written: Written,
): FileJob {
  const path = joinBytes(directory.name, name)
  let isOpen = true
  const close = () => {
    if (isOpen) closeSync(fd)
    isOpen = false
  }
  const attempt = (act: () => void) => {
    try {
      act()
    } catch (error) {
      close()
      throw diskFault(error, shownName(path), 'write the file')
    }
  }
  return {
    path,
    missing: difference.chunks,
    held: 0,
    give: ({ offset }, bytes) => attempt(() => void (written.bytes += writeDifferences(fd, bytes, offset))),
    finish: (settle) =>
      attempt(() => {
        for (const { offset, part } of difference.holes) clearRange(fd, { offset, length: part.length })
        if (difference.isOtherSize) ftruncateSync(fd, size)
        // The mark goes away only after these are on disk: nothing else would tell that they are not.
        fdatasyncSync(fd)
        settle(fd)
        close()
      }),
    drop: close,
  }
}

function writeDifferences(fd: number, bytes: Uint8Array, offset: number): number {
  const present = Buffer.allocUnsafe(bytes.byteLength)
  if (!readFully(fd, present, offset)) {
    writeFully(fd, bytes, offset)
    return bytes.byteLength
  }
  const wanted = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let written = 0
  let from = -1
  // Steps are those of the file, so that whole blocks of the disk are written.
  for (
    let at = 0;
    at <= wanted.byteLength;
    at = at === wanted.byteLength ? at + 1 : Math.min(wanted.byteLength, at + step - ((offset + at) % step))
  ) {
    const end = Math.min(wanted.byteLength, at + step - ((offset + at) % step))
    const differs = at < wanted.byteLength && wanted.compare(present, at, end, at, end) !== 0
    if (differs && from === -1) from = at
    if (differs || from === -1) continue
    writeFully(fd, wanted.subarray(from, at), offset + from)
    written += at - from
    from = -1
  }
  return written
}

function writeFully(fd: number, bytes: Uint8Array, offset: number): void {
  for (let done = 0; done < bytes.byteLength;) done += writeSync(fd, bytes, done, bytes.byteLength - done, offset + done)
}

interface Temporary {
  /** Does it; where it fails, nothing of the file stays. */
  attempt(act: (fd: number) => void): void
  rename(name: ByteText): void
  drop(): void
}

function openTemporary(directory: Held, path: ByteText): Temporary {
  const own = systemPath(joinBytes(directory.path, temporaryName()))
  let fd: number | undefined
  const drop = () => {
    if (fd === undefined) return
    closeSync(fd)
    fd = undefined
    rmSync(own, { force: true })
  }
  try {
    fd = openSync(own, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600)
  } catch (error) {
    throw diskFault(error, shownName(path), 'write the file')
  }
  return {
    attempt(act) {
      if (fd === undefined) throw new Fault('bug', `the file ${shownName(path)} was given up already`)
      try {
        act(fd)
      } catch (error) {
        drop()
        throw diskFault(error, shownName(path), 'write the file')
      }
    },
    rename(name) {
      renameSync(own, systemPath(joinBytes(directory.path, name)))
      closeSync(fd!)
      fd = undefined
    },
    drop,
  }
}

/** As the kit's `isTemporary` knows it, so that what a killed restore left is found. */
export function temporaryName(): ByteText {
  return `.~tmp-${randomBytes(8).toString('hex')}`
}
