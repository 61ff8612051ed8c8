import type { BigIntStats } from 'node:fs'
import path from 'node:path'
import { type Disk, diskFault, errno, Fault } from '../../../kit/index.ts'
import { isLink } from '../layout.ts'

/** Where a file store lies, and how it works there. */
export interface Folder {
  readonly root: string
  /** What messages call it. */
  readonly name: string
  readonly disk: Disk
  /** Whether a put waits until a power cut cannot undo it. */
  readonly durable: boolean
}

export function nameOf(folder: Folder, key: string): string {
  return `${folder.name}/${key}`
}

export function pathOf(folder: Folder, key: string): string {
  return folder.root === '/' ? `/${key}` : `${folder.root}/${key}`
}

/** The work's result. A failed call is a Fault, and never `not-found`: whoever knows what an absence means asks `orMissing`. */
export async function onDisk<T>(work: Promise<T>, at: string, doing: string): Promise<T> {
  try {
    return await work
  } catch (error) {
    const fault = diskFault(error, at, doing)
    if (fault.code !== 'not-found') throw fault
    throw new Fault('unavailable', `cannot ${doing}: something on its way was removed meanwhile`, { at, cause: error })
  }
}

/** The same, with undefined where nothing is at that path. */
export async function orMissing<T>(work: Promise<T>, at: string, doing: string): Promise<T | undefined> {
  return await onDisk(
    work.catch((error: unknown) => {
      if (errno(error) === 'ENOENT' || errno(error) === 'ENOTDIR') return undefined
      throw error
    }),
    at,
    doing,
  )
}

/**
 * Looks at each directory on the way to a key: `missing` where one does not exist, `blocked` where one is a file. A symbolic link
 * on the way is `denied`, so that nothing outside of the root is read or written. The looking and the doing are two
 * steps: whoever can swap directories in between can write into the store as well, and gains nothing here.
 */
export async function wayTo(folder: Folder, key: string): Promise<'open' | 'missing' | 'blocked'> {
  const at = nameOf(folder, key)
  const root = await orMissing(folder.disk.stat(folder.root), folder.root, 'look at the folder')
  if (root === undefined) return 'missing'
  if (!root.isDirectory()) throw new Fault('invalid', `${folder.root} is not a directory`, { at: folder.root })
  for (let slash = key.indexOf('/'); slash !== -1; slash = key.indexOf('/', slash + 1)) {
    const stat = await lookAt(folder, pathOf(folder, key.slice(0, slash)), at)
    if (stat === undefined) return 'missing'
    if (!stat.isDirectory()) return 'blocked'
  }
  return 'open'
}

/** What lies at a path; undefined where nothing does. A symbolic link is `denied`. */
export async function lookAt(folder: Folder, file: string, at: string): Promise<BigIntStats | undefined> {
  const stat = await orMissing(folder.disk.lstat(file, { bigint: true }), at, 'look at it')
  if (stat?.isSymbolicLink()) throw isLink(file, at)
  return stat
}

/** Removes the directories above a file that has gone, as far as they are empty. Gives the lowest that is still there. */
export async function removeEmptied(folder: Folder, file: string): Promise<string> {
  let directory = path.dirname(file)
  while (directory.length > folder.root.length) {
    try {
      await folder.disk.rmdir(directory)
    } catch (error) {
      const number = errno(error) ?? ''
      // In use again, or not ours to remove: it stays, and a store does not mind an empty directory.
      if (['ENOTEMPTY', 'EEXIST', 'EBUSY', 'EACCES', 'EPERM', 'EROFS', 'ENOTDIR'].includes(number)) break
      if (number !== 'ENOENT') throw diskFault(error, directory, 'remove the emptied directory')
    }
    directory = path.dirname(directory)
  }
  return directory
}
