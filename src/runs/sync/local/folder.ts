import { type BigIntStats, closeSync, constants, fsyncSync, lstatSync, mkdirSync, openSync, rmdirSync, unlinkSync } from 'node:fs'
import path from 'node:path'
import { diskFault, errno, Fault } from '../../../kit/index.ts'
import { realSys } from '../../../kit/sys/index.ts'
import { localPath, ownFolder, partsFolder } from './key.ts'

/** What lies at a place, for telling later whether anyone touched it. */
export interface Seen {
  /** Inode, size and both times: equal facts mean that nobody wrote to it since. */
  readonly facts: string
  readonly size: number
  /** Milliseconds since 1970. */
  readonly modified: number
}

/** The folder that runs are synced into. Nothing in it is reached through a symbolic link. */
export interface TargetFolder {
  readonly root: string
  /** For bytes that are not whole yet. */
  readonly partial: string
  pathOf(key: string): string
  /** The regular file at a key; undefined where there is none. Anything else there, or a link on the way, is `denied`. */
  look(key: string): Seen | undefined
  /** Makes the folders above a key. */
  prepare(key: string): void
  /** Removes a file, and the folders above it that it leaves empty. */
  remove(key: string): void
  /** Everything written so far survives a power cut when this returns. */
  flush(written: readonly string[]): void
}

/** Folders on the way that were looked at: so many are remembered. */
const mostKnown = 20_000

export function openTargetFolder(root: string): TargetFolder {
  const known = new Set<string>()
  // The folder above the last key, where it was not there: what else is below it is not there either.
  let absent = '/'
  const wayTo = (key: string, make: boolean): boolean => {
    const above = key.slice(0, Math.max(0, key.lastIndexOf('/')))
    if (above === '' || known.has(above)) return true
    if (!wayTo(above, make)) return false
    const folder = localPath(root, above)
    const stat = lookAt(folder)
    if (stat === undefined) {
      if (!make) return false
      makeFolder(folder)
    } else if (!stat.isDirectory()) throw inTheWay(folder, stat)
    if (known.size >= mostKnown) known.clear()
    known.add(above)
    return true
  }
  return {
    root,
    partial: path.join(root, ownFolder, partsFolder),
    pathOf: (key) => localPath(root, key),
    look(key) {
      if (key.startsWith(absent)) return undefined
      if (!wayTo(key, false)) {
        absent = key.slice(0, key.lastIndexOf('/') + 1)
        return undefined
      }
      const file = localPath(root, key)
      const stat = lookAt(file)
      if (stat === undefined) return undefined
      if (!stat.isFile()) throw inTheWay(file, stat)
      return seenOf(stat)
    },
    prepare(key) {
      absent = '/'
      wayTo(key, true)
    },
    remove(key) {
      try {
        unlinkSync(localPath(root, key))
      } catch (error) {
        if (errno(error) !== 'ENOENT') throw diskFault(error, localPath(root, key), 'remove it')
      }
      removeEmptied(root, key, known)
    },
    flush: (written) => flushTo(root, written),
  }
}

export function seenOf(stat: BigIntStats): Seen {
  return {
    facts: `${stat.ino.toString(36)}.${stat.size.toString(36)}.${stat.mtimeNs.toString(36)}.${stat.ctimeNs.toString(36)}`,
    size: Number(stat.size),
    modified: Number(stat.mtimeNs / 1000n) / 1000,
  }
}

function lookAt(file: string): BigIntStats | undefined {
  try {
    return lstatSync(file, { bigint: true, throwIfNoEntry: false })
  } catch (error) {
    // A part of the way is a file: whoever has to write there finds out at that part.
    if (errno(error) === 'ENOTDIR') return undefined
    throw diskFault(error, file, 'look at it')
  }
}

function inTheWay(file: string, stat: BigIntStats): Fault {
  const what = stat.isSymbolicLink() ? 'a symbolic link, and none is followed' : stat.isDirectory() ? 'a directory' : 'no regular file'
  return new Fault('denied', `${file} is ${what}`, { at: file, hint: 'move it away: a file of a run belongs there' })
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder)
  } catch (error) {
    if (errno(error) !== 'EEXIST') throw diskFault(error, folder, 'make the folder')
  }
}

function removeEmptied(root: string, key: string, known: Set<string>): void {
  for (let slash = key.lastIndexOf('/'); slash > 0; slash = key.lastIndexOf('/', slash - 1)) {
    const above = key.slice(0, slash)
    try {
      rmdirSync(localPath(root, above))
      known.delete(above)
    } catch {
      // Not empty, or in use: it stays.
      return
    }
  }
}

function flushTo(root: string, written: readonly string[]): void {
  if (realSys.whyMissing() === undefined)
    return withOpen(root, constants.O_RDONLY | constants.O_DIRECTORY, (fd) => realSys.flushFileSystem(fd))
  // Without that call each file and each folder is flushed by itself.
  for (const file of written) withOpen(file, constants.O_RDONLY | constants.O_NOFOLLOW, fsyncSync)
  for (const folder of new Set(written.map((file) => path.dirname(file)))) withOpen(folder, constants.O_RDONLY, fsyncSync)
}

function withOpen(file: string, flags: number, work: (fd: number) => void): void {
  try {
    const descriptor = openSync(file, flags)
    try {
      work(descriptor)
    } finally {
      closeSync(descriptor)
    }
  } catch (error) {
    throw diskFault(error, file, 'flush it to the disk')
  }
}
