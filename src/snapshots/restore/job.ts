import { randomBytes } from 'node:crypto'
import { closeSync, constants, ftruncateSync, openSync, renameSync, rmSync } from 'node:fs'
import { diskFault, Fault } from '../../kit/index.ts'
import type { Held } from '../../kit/sys/index.ts'
import { clearRange } from '../attributes/index.ts'
import { type ByteText, joinBytes, shownName, systemPath } from '../tree/name.ts'
import type { Stretch } from './local-file.ts'

/** A file on its way to what it should be. Chunks are written into `fd` in any order; when all are there it is finished. Faults of the disk are thrown. */
export interface FileJob {
  readonly path: ByteText
  /** What is there already is not written again. */
  readonly onlyDifferences: boolean
  /** Open for writing. It stays open until the file is finished or dropped. */
  fd(): number
  /** These have bytes now and should have none. */
  clear(holes: readonly Stretch[]): void
  /** The file is what it should be, and `settle` sets what else it has, by its descriptor, before it gets its name. */
  finish(settle: (fd: number) => void): void
  /** Leaves nothing but what was there before, or, of a file that is changed in place, a part of it. Idempotent. */
  drop(): void
}

/** Files up to this many bytes are written whole under a temporary name. */
export const wholeBytes = 64 << 10

/** A file that is written under a temporary name as its chunks come. Holes are left out. */
export function freshFile(directory: Held, name: ByteText, size: number): FileJob {
  const path = joinBytes(directory.name, name)
  const temporary = systemPath(joinBytes(directory.path, temporaryName()))
  let fd: number | undefined
  const open = () => (fd ??= openSync(temporary, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600))
  const drop = () => {
    if (fd === undefined) return
    closeSync(fd)
    fd = undefined
    rmSync(temporary, { force: true })
  }
  const attempt = <T>(act: () => T): T => {
    try {
      return act()
    } catch (error) {
      drop()
      throw diskFault(error, shownName(path), 'write the file')
    }
  }
  return {
    path,
    onlyDifferences: false,
    fd: () => attempt(open),
    clear: () => undefined,
    finish(settle) {
      attempt(() => {
        // A hole at the end.
        ftruncateSync(open(), size)
        settle(open())
        renameSync(temporary, systemPath(joinBytes(directory.path, name)))
        closeSync(open())
        fd = undefined
      })
    },
    drop,
  }
}

/** A large file that is there: only the blocks that differ are written, within it. `fd` is open for both and the job's from here on. */
export function patchedFile(directory: Held, name: ByteText, fd: number, size: number): FileJob {
  const path = joinBytes(directory.name, name)
  const holes: Stretch[] = []
  let isOpen = true
  const close = () => {
    if (isOpen) closeSync(fd)
    isOpen = false
  }
  return {
    path,
    onlyDifferences: true,
    fd() {
      if (isOpen) return fd
      throw new Fault('bug', `the file ${shownName(path)} was given up already`)
    },
    clear: (more) => void holes.push(...more),
    finish(settle) {
      try {
        ftruncateSync(fd, size)
        for (const { offset, length } of holes) clearRange(fd, { offset, length })
        settle(fd)
        close()
      } catch (error) {
        close()
        throw diskFault(error, shownName(path), 'write the file')
      }
    },
    drop: close,
  }
}

/** As the kit's `isTemporary` knows it, so that what a killed restore left is found. */
export function temporaryName(): ByteText {
  return `.~tmp-${randomBytes(8).toString('hex')}`
}
