import { randomBytes } from 'node:crypto'
import { closeSync, constants, mkdirSync, openSync, promises as fs } from 'node:fs'
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

/** Replaces a small file whole: a reader sees the old content or the new, also after a power cut. The mode is the new file's, less the umask. */
export async function replaceFile(target: string, content: string | Uint8Array, disk: Disk = realDisk, mode = 0o666): Promise<void> {
  const temporary = temporaryBeside(target)
  try {
    await disk.mkdir(path.dirname(target), { recursive: true })
    const handle = await disk.open(temporary, 'wx', mode)
    try {
      await handle.writeFile(content)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await disk.rename(temporary, target)
  } catch (error) {
    await disk.unlink(temporary).catch(() => undefined)
    throw diskFault(error, target, 'write the file')
  }
  await syncDirectory(disk, path.dirname(target))
}

/**
 * Makes a file for its owner alone where there is none, and folders that are missing too: whoever else may look into a folder that was there
 * before, as one that a backup brought back, cannot read it. SQLite gives what it writes beside its file the file's own mode.
 */
export function ensureOwnFile(file: string): void {
  try {
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 })
    closeSync(openSync(file, 'a', 0o600))
  } catch (error) {
    throw diskFault(error, file, 'make the file')
  }
}

/** Reads a small file as text; undefined where there is none. Past `limit` bytes it throws `invalid`. */
export async function readSmallFile(file: string, limit = 16 << 20): Promise<string | undefined> {
  try {
    const { size } = await fs.stat(file)
    if (size > limit) throw new Fault('invalid', `the file is larger than ${limit} bytes`, { at: file })
    return await fs.readFile(file, 'utf8')
  } catch (error) {
    if (errno(error) === 'ENOENT') return undefined
    throw diskFault(error, file, 'read the file')
  }
}
