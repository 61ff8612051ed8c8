import { createHash } from 'node:crypto'
import { closeSync, constants, futimesSync, openSync, promises as fs, readdirSync, unlinkSync, writeSync } from 'node:fs'
import path from 'node:path'
import { diskFault, errno, makeDirectoriesSync } from '../../../kit/index.ts'

/** Bytes that are not whole yet, or not in place: files of the client's own, named after what they are to become. */
export interface Parts {
  /** The file for these bytes. What an earlier sync left there is its beginning. */
  fileOf(key: string, version: string): string
  /** A new part of these bytes, with the time that their file is to have. */
  write(bytes: Uint8Array, modified: number): string
  /** How much of it is there. */
  sizeOf(file: string): Promise<number>
  drop(file: string): void
  /** Removes all but those that begin a version of the given files. */
  sweep(keep: Iterable<{ readonly key: string }>): void
}

export function openParts(folder: string): Parts {
  makeDirectoriesSync(folder, { mode: 0o700 })
  let written = 0
  return {
    fileOf: (key, version) => path.join(folder, `${nameOf(key)}-${nameOf(version)}`),
    write(bytes, modified) {
      const file = path.join(folder, `whole-${written++}`)
      const descriptor = openSync(file, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW, 0o666)
      try {
        for (let at = 0; at < bytes.byteLength;) at += writeSync(descriptor, bytes, at, bytes.byteLength - at, at)
        setModified(descriptor, modified)
        return file
      } catch (error) {
        throw diskFault(error, file, 'write it')
      } finally {
        closeSync(descriptor)
      }
    },
    async sizeOf(file) {
      try {
        return (await fs.lstat(file)).size
      } catch (error) {
        if (errno(error) === 'ENOENT') return 0
        throw diskFault(error, file, 'look at it')
      }
    },
    drop: removeIfThere,
    sweep(keep) {
      const kept = new Set<string>()
      for (const { key } of keep) kept.add(nameOf(key))
      for (const name of readdirSync(folder)) if (!kept.has(name.split('-')[0]!)) removeIfThere(path.join(folder, name))
    },
  }
}

function nameOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32)
}

/** A file's time is a courtesy to its readers: where it cannot be set, the file is as good. */
export function setModified(descriptor: number, modified: number): void {
  try {
    futimesSync(descriptor, modified / 1000, modified / 1000)
  } catch {
    // Out of the file system's range.
  }
}

function removeIfThere(file: string): void {
  try {
    unlinkSync(file)
  } catch (error) {
    if (errno(error) !== 'ENOENT') throw diskFault(error, file, 'remove it')
  }
}
