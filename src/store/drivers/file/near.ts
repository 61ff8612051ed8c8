import { constants } from 'node:fs'
import { checkKey, errno, Fault, isKey, throwIfAborted, untilAborted } from '../../../kit/index.ts'
import type { Near, NearCopyOptions } from '../../store.ts'
import { replaced, type Version } from '../layout.ts'
import { type Folder, lookAt, nameOf, onDisk } from './folder.ts'
import { stateOf } from './generations.ts'
import { placeWhole, stateForWriting, withDirectory } from './write.ts'

/**
 * Copying between file stores: by sharing blocks where the file system can, else inside of the kernel. Never by a hard link: a
 * published file that somebody edits by hand must not change the blob that it came from.
 */
export function nearFiles(folder: Folder): Near {
  return {
    place: 'file:',
    // The double slash marks where the root ends, so that the other store can look for links below it.
    address: (key) => `${folder.root === '/' ? '' : folder.root}//${key}`,
    async copyFrom(address, key, options = {}) {
      checkKey(key)
      throwIfAborted(options.signal)
      await stateForWriting(folder, key)
      return await placeWhole(folder, key, options, (temporary) =>
        copySource(folder, address, { temporary, at: nameOf(folder, key) }, options),
      )
    },
  }
}

interface Target {
  readonly temporary: string
  /** What messages call the copy. */
  readonly at: string
}

async function copySource(folder: Folder, address: string, { temporary, at }: Target, options: NearCopyOptions): Promise<void> {
  for (;;) {
    const source = await sourceOf(folder, address, options.etag)
    await copyWhole(folder, source, { temporary, at }, options.signal)
    // The same version before and after: then what was copied is that version, whole.
    const now = await sourceOf(folder, address, options.etag)
    const file = await folder.disk.open(temporary, constants.O_RDONLY | constants.O_NOFOLLOW).catch(async (error: unknown) => {
      if (errno(error) === 'ENOENT') return undefined
      return await onDisk(Promise.reject(error), at, 'open the copy')
    })
    if (file === undefined) continue
    try {
      const { size } = await onDisk(file.stat(), at, 'look at the copy')
      const isWhole = now.info.etag === source.info.etag && size === source.info.size
      if (isWhole && folder.durable) await onDisk(file.sync(), at, 'flush the copy to the disk')
      if (isWhole) return
    } finally {
      await onDisk(file.close(), at, 'close it')
    }
    if (options.etag !== undefined) throw replaced(at)
    await onDisk(folder.disk.unlink(temporary), at, 'remove a copy of two versions')
  }
}

/** Leaves no file where the source has gone: the next look says by what it was replaced. */
async function copyWhole(folder: Folder, source: Version, { temporary, at }: Target, signal: AbortSignal | undefined): Promise<void> {
  const mode = constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE
  const copying = withDirectory(folder, temporary, at, async () => {
    try {
      await folder.disk.copyFile(source.path, temporary, mode)
    } catch (error) {
      // One number for two names: where the source still stands, it is the directory of the copy that is missing.
      const isMissing = errno(error) === 'ENOENT' || errno(error) === 'ENOTDIR'
      if (!isMissing || (await lookAt(folder, source.path, nameOf(folder, source.key))) !== undefined) throw error
    }
  })
  try {
    await untilAborted(copying, signal)
  } catch (error) {
    // The kernel goes on copying: the file is removed once it has ended.
    if (signal?.aborted) void copying.then(() => folder.disk.unlink(temporary)).catch(() => undefined)
    throw error
  }
}

async function sourceOf(folder: Folder, address: string, etag: string | undefined): Promise<Version> {
  const end = address.indexOf('//')
  const key = address.slice(end + 2)
  if (end < 0 || !isKey(key)) throw new Fault('invalid', `not an address in a file store: ${JSON.stringify(address)}`)
  const root = address.slice(0, end) || '/'
  const source = { ...folder, root, name: root === folder.root ? folder.name : `file:${root}` }
  const { version } = await stateOf(source, key)
  const at = nameOf(source, key)
  if (version === undefined) throw new Fault('not-found', `there is no ${at}`, { at })
  if (etag !== undefined && version.info.etag !== etag) throw replaced(at)
  return version
}
