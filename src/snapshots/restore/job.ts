import { randomBytes } from 'node:crypto'
import { closeSync, constants, fdatasync, ftruncateSync, openSync, renameSync, rmSync, write, writeSync } from 'node:fs'
import { promisify } from 'node:util'
import { diskFault, Fault } from '../../kit/index.ts'
import type { Held } from '../../kit/sys/index.ts'
import { clearRange } from '../attributes/index.ts'
import { type ByteText, joinBytes, shownName, systemPath } from '../tree/name.ts'
import type { Part } from '../tree/entry.ts'
import { type FileDifference, readFully, type Stretch, stretchesOf } from './local-file.ts'

/** A file on its way to what it should be. It is given its missing chunks in any order; with the last one it is done. */
export interface FileJob {
  readonly path: ByteText
  readonly missing: readonly Stretch[]
  /** Bytes that it holds in memory until it is done. */
  readonly held: number
  /** The bytes of one of `missing`; large ones are written meanwhile. Faults of the disk are thrown, or reject. */
  give(stretch: Stretch, bytes: Uint8Array): Promise<void> | undefined
  /** After all were given and written: the file is what it should be, and `settle` sets what else it has, by its descriptor, before it gets its name. */
  finish(settle: (fd: number) => void): Promise<void> | undefined
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
    give({ offset }, bytes) {
      content.set(bytes, offset)
      return undefined
    },
    finish(settle) {
      const temporary = openTemporary(directory, path)
      temporary.attempt((fd) => {
        writeFully(fd, content, 0)
        written.bytes += content.byteLength
        settle(fd)
        temporary.rename(name)
      })
      return undefined
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
    async give({ offset }, bytes) {
      await open().attemptLater((fd) => writeLater(fd, bytes, offset))
      written.bytes += bytes.byteLength
    },
    finish(settle) {
      open().attempt((fd) => {
        settle(fd)
        open().rename(name)
      })
      return undefined
    },
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
  const fault = (error: unknown) => {
    close()
    return diskFault(error, shownName(path), 'write the file')
  }
  return {
    path,
    missing: difference.chunks,
    held: 0,
    give({ offset }, bytes) {
      try {
        written.bytes += writeDifferences(fd, bytes, offset)
        return undefined
      } catch (error) {
        throw fault(error)
      }
    },
    async finish(settle) {
      try {
        for (const { offset, part } of difference.holes) clearRange(fd, { offset, length: part.length })
        if (difference.isOtherSize) ftruncateSync(fd, size)
        settle(fd)
        // The mark goes away only after these are on disk: nothing else would tell that they are not.
        await flushLater(fd)
        close()
      } catch (error) {
        throw fault(error)
      }
    },
    drop: close,
  }
}

const flushLater = promisify(fdatasync)

async function writeLater(fd: number, bytes: Uint8Array, offset: number): Promise<void> {
  for (let done = 0; done < bytes.byteLength;) {
    done += (await writePart(fd, bytes, done, bytes.byteLength - done, offset + done)).bytesWritten
  }
}

const writePart = promisify(write)

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
  attemptLater(act: (fd: number) => Promise<void>): Promise<void>
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
  const fault = (error: unknown) => {
    drop()
    return diskFault(error, shownName(path), 'write the file')
  }
  const opened = () => {
    if (fd === undefined) throw new Fault('bug', `the file ${shownName(path)} was given up already`)
    return fd
  }
  return {
    attempt(act) {
      try {
        act(opened())
      } catch (error) {
        throw fault(error)
      }
    },
    async attemptLater(act) {
      try {
        await act(opened())
      } catch (error) {
        throw fault(error)
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
