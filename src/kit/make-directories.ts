import { mkdirSync, promises as fs, statSync } from 'node:fs'
import path from 'node:path'
import { type Disk, errno } from './disk.ts'

/*
 * Node's own recursive mkdir goes round for ever where the system says ENOENT though the parent is there (procfs, a directory that was
 * removed while it is held), and says ENOTDIR of a directory that is removed while it is made. Here each error is the system's own.
 */

interface MakeOptions {
  /** Of all that are made, less the umask. */
  readonly mode?: number
  readonly disk?: Pick<Disk, 'mkdir' | 'stat'>
}

/** How often one is made anew that others remove, empty, as soon as it is there. */
const tries = 20

/** Makes a directory and those above it that are missing. That it is there already is no error; that something else is, is EEXIST or ENOTDIR. */
export async function makeDirectories(directory: string, { mode = 0o777, disk = fs }: MakeOptions = {}): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await disk.mkdir(directory, { mode })
      return
    } catch (error) {
      const isThere = errno(error) === 'EEXIST' ? await disk.stat(directory).then((stats) => stats.isDirectory(), ifGone) : undefined
      if (isThere === true) return
      if (isThere === false || !mayBeMade(error, directory) || attempt === tries) throw error
      if (errno(error) === 'ENOENT') await makeDirectories(path.dirname(directory), { mode, disk })
    }
  }
}

/** The same at once. */
export function makeDirectoriesSync(directory: string, { mode = 0o777 }: Pick<MakeOptions, 'mode'> = {}): void {
  for (let attempt = 1; ; attempt++) {
    try {
      mkdirSync(directory, { mode })
      return
    } catch (error) {
      const isThere = errno(error) === 'EEXIST' ? statSync(directory, { throwIfNoEntry: false })?.isDirectory() : undefined
      if (isThere === true) return
      if (isThere === false || !mayBeMade(error, directory) || attempt === tries) throw error
      if (errno(error) === 'ENOENT') makeDirectoriesSync(path.dirname(directory), { mode })
    }
  }
}

/** Where one above it is missing, or it was removed again. */
function mayBeMade(error: unknown, directory: string): boolean {
  return errno(error) === 'EEXIST' || (errno(error) === 'ENOENT' && path.dirname(directory) !== directory)
}

function ifGone(error: unknown): undefined {
  if (errno(error) !== 'ENOENT') throw error
}
