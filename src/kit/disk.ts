import { randomBytes } from 'node:crypto'
import { constants, promises as fs } from 'node:fs'
import path from 'node:path'
import { Fault } from './fault.ts'

/** The calls on a local disk that drivers use, so that a test can pass a disk that fails. */
export type Disk = Pick<
  typeof fs,
  'open' | 'rename' | 'link' | 'unlink' | 'mkdir' | 'rmdir' | 'readdir' | 'stat' | 'lstat' | 'statfs' | 'copyFile' | 'symlink' | 'readlink'
>

/** The file system of this machine. */
export const realDisk: Disk = fs

const meanings: Record<string, { code: ConstructorParameters<typeof Fault>[0]; says: string; hint?: string }> = {
  ENOENT: { code: 'not-found', says: 'it does not exist' },
  EACCES: { code: 'denied', says: 'permission denied', hint: 'check who owns it and its mode' },
  EPERM: { code: 'denied', says: 'operation not permitted', hint: 'check who owns it, its mode and its attributes' },
  EROFS: { code: 'denied', says: 'the file system is read-only', hint: 'mount it for writing, or name another place' },
  ENOSPC: { code: 'unavailable', says: 'the disk is full', hint: 'free some space and run it again' },
  EDQUOT: { code: 'unavailable', says: 'the disk quota is used up', hint: 'free some space and run it again' },
  EMFILE: { code: 'unavailable', says: 'too many open files', hint: 'raise the limit (ulimit -n)' },
  ENFILE: { code: 'unavailable', says: 'the system has too many open files' },
  EIO: { code: 'unavailable', says: 'the disk reported an input/output error', hint: 'look at the kernel log: the disk may be failing' },
  EBUSY: { code: 'busy', says: 'it is in use' },
  ENOTDIR: { code: 'invalid', says: 'a part of the path is not a directory' },
  EISDIR: { code: 'invalid', says: 'it is a directory' },
  ELOOP: { code: 'invalid', says: 'too many symbolic links' },
  ENAMETOOLONG: { code: 'invalid', says: 'the name is too long for this file system' },
  EXDEV: { code: 'unsupported', says: 'the two places are on different file systems' },
  EEXIST: { code: 'already-exists', says: 'it exists already' },
}

/** The error number of a failed system call, or undefined for any other error. */
export function errno(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

/** A failed system call as a Fault. Only ENOENT is `not-found`; an error number not listed stays `bug`-loud. */
export function diskFault(error: unknown, at: string, doing: string): Fault {
  if (error instanceof Fault) return error
  const number = errno(error)
  const meaning = number === undefined ? undefined : meanings[number]
  if (meaning !== undefined) return new Fault(meaning.code, `cannot ${doing}: ${meaning.says}`, { at, hint: meaning.hint, cause: error })
  return new Fault(
    number === undefined ? 'bug' : 'unavailable',
    `cannot ${doing}: ${error instanceof Error ? error.message : String(error)}`,
    { at, cause: error },
  )
}

/** A name beside `target` that no key can have, for bytes that are not whole yet. */
export function temporaryBeside(target: string): string {
  return path.join(path.dirname(target), `.~tmp-${randomBytes(8).toString('hex')}`)
}

/** Whether a file of this name is what a write that has not ended left. */
export function isTemporary(name: string): boolean {
  return /^\.~tmp-[0-9a-f]{16}$/.test(name)
}

/** Makes a directory's entries durable: after a rename or link into it. */
export async function syncDirectory(disk: Disk, directory: string): Promise<void> {
  const handle = await disk.open(directory, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
