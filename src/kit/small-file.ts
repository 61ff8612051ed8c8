import { closeSync, openSync, promises as fs } from 'node:fs'
import path from 'node:path'
import { type Disk, diskFault, errno, realDisk, syncDirectory, temporaryBeside } from './disk.ts'
import { Fault } from './fault.ts'
import { makeDirectories, makeDirectoriesSync } from './make-directories.ts'

/** Replaces a small file whole: a reader sees the old content or the new, also after a power cut. The mode is the new file's, less the umask. */
export async function replaceFile(target: string, content: string | Uint8Array, disk: Disk = realDisk, mode = 0o666): Promise<void> {
  const temporary = temporaryBeside(target)
  try {
    await makeDirectories(path.dirname(target), { disk })
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
    makeDirectoriesSync(path.dirname(file), { mode: 0o700 })
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
