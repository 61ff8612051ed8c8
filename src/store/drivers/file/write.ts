import { constants } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import path from 'node:path'
import { type Bytes, errno, Fault, makeDirectories, syncDirectory, temporaryBeside, throwIfAborted } from '../../../kit/index.ts'
import { takeIn } from '../../intake.ts'
import type { Condition, ObjectInfo, PutOptions, Signal } from '../../store.ts'
import { aboveOthers, belowAnother, checkState, slotOf, type State } from '../layout.ts'
import { type Folder, lookAt, nameOf, onDisk, orMissing, pathOf, removeEmptied, wayTo } from './folder.ts'
import { append, bury, directoryOf, linked, settledState, slotsOf } from './generations.ts'
import { versionOf } from './version.ts'

/** Writes bytes beside the key, flushes them, and then shows them under the key in one step. */
export async function putFile(folder: Folder, key: string, body: Bytes, options: PutOptions): Promise<ObjectInfo> {
  const at = nameOf(folder, key)
  checkState(await stateForWriting(folder, key), options.if, at)
  return await placeWhole(folder, key, options, async (temporary) => {
    const file = await openNew(folder, temporary, at)
    try {
      for await (const piece of takeIn(body, options, at)) await writeAll(file, piece, at)
      if (folder.durable) await onDisk(file.sync(), at, 'flush it to the disk')
    } finally {
      await onDisk(file.close(), at, 'close it')
    }
  })
}

/** The same for bytes that `fill` brings into a file of the given path, which it makes. */
export async function placeWhole(
  folder: Folder,
  key: string,
  options: Signal & { readonly if?: Condition | undefined },
  fill: (temporary: string) => Promise<void>,
): Promise<ObjectInfo> {
  const at = nameOf(folder, key)
  const temporary = temporaryBeside(pathOf(folder, key))
  let shown: ObjectInfo | undefined
  try {
    await fill(temporary)
    throwIfAborted(options.signal)
    shown = await show(folder, key, temporary, options.if)
  } finally {
    // Whatever happened is told by what was thrown; what stays behind is hidden, and a sweep finds it.
    await folder.disk.unlink(temporary).catch(() => undefined)
    if (shown === undefined) await removeEmptied(folder, temporary).catch(() => undefined)
  }
  await syncWay(folder, key, at)
  return shown
}

/** Takes a key away, and the directories that it leaves empty. */
export async function deleteFile(folder: Folder, key: string): Promise<void> {
  const at = nameOf(folder, key)
  if ((await wayTo(folder, key)) !== 'open') return
  for (;;) {
    const state = await settledState(folder, key)
    if (state.version === undefined) return
    if (state.highest > 0) {
      if (await bury(folder, key, state)) return await syncWay(folder, key, at)
    } else {
      await onDisk(removePlain(folder, key), at, 'delete it')
      if ((await slotsOf(folder, key)).length === 0) break
    }
  }
  await folder.disk.rmdir(directoryOf(folder, key)).catch(() => undefined)
  await syncFrom(folder, await removeEmptied(folder, pathOf(folder, key)))
}

async function removePlain(folder: Folder, key: string): Promise<void> {
  try {
    await folder.disk.unlink(pathOf(folder, key))
  } catch (error) {
    // Gone, or a directory since then: the file is not there.
    if (!['ENOENT', 'ENOTDIR', 'EISDIR'].includes(errno(error) ?? '')) throw error
  }
}

/** What the key is now; `invalid` where a file store cannot have such a key beside the ones that it has. */
export async function stateForWriting(folder: Folder, key: string): Promise<State> {
  const at = nameOf(folder, key)
  const way = await wayTo(folder, key)
  if (way === 'missing') return { version: undefined, highest: 0 }
  if (way === 'blocked') throw belowAnother(at)
  const stat = await lookAt(folder, pathOf(folder, key), at)
  if (stat?.isDirectory()) await freeDirectory(folder, key)
  else if (stat !== undefined && !stat.isFile()) throw new Fault('denied', `${at} is not a regular file, and is left alone`, { at })
  return await settledState(folder, key)
}

/** A directory where a file shall be: an empty one goes, any other has keys. */
async function freeDirectory(folder: Folder, key: string): Promise<void> {
  const at = nameOf(folder, key)
  try {
    await folder.disk.rmdir(pathOf(folder, key))
  } catch (error) {
    const number = errno(error) ?? ''
    // Gone, or a file meanwhile: another writer has made room.
    if (number === 'ENOENT' || number === 'ENOTDIR') return
    if (['ENOTEMPTY', 'EEXIST', 'EBUSY'].includes(number)) throw aboveOthers(at)
    await onDisk(Promise.reject(error), at, 'make room for it')
  }
}

async function show(folder: Folder, key: string, temporary: string, condition: Condition | undefined): Promise<ObjectInfo> {
  const at = nameOf(folder, key)
  for (;;) {
    const state = await stateForWriting(folder, key)
    checkState(state, condition, at)
    const shown =
      state.highest > 0 || (condition !== undefined && condition !== 'absent')
        ? (await append(folder, key, state, temporary))?.info
        : await showPlainly(folder, key, temporary, condition)
    if (shown !== undefined) return shown
  }
}

async function showPlainly(
  folder: Folder,
  key: string,
  temporary: string,
  condition: Condition | undefined,
): Promise<ObjectInfo | undefined> {
  const at = nameOf(folder, key)
  const target = pathOf(folder, key)
  if (condition === undefined) {
    const stat = await onDisk(folder.disk.lstat(temporary, { bigint: true }), at, 'look at it')
    try {
      await folder.disk.rename(temporary, target)
    } catch (error) {
      // A directory has come in the way, and may have gone again: the next look says.
      if (errno(error) === 'EISDIR') return undefined
      return await onDisk(Promise.reject(error), at, 'put it in place')
    }
    return versionOf(key, target, 0, stat).info
  }
  if (!(await onDisk(linked(folder, at, folder.disk.link(temporary, target)), at, 'put it in place'))) return undefined
  const stat = await onDisk(folder.disk.lstat(temporary, { bigint: true }), at, 'look at it')
  if (await isOutlived(folder, key, stat.ctimeMs)) {
    await orMissing(folder.disk.unlink(target), at, 'take it back')
    return undefined
  }
  return versionOf(key, target, 0, stat).info
}

/** Whether the key had generations long before it was linked plainly: the writer slept, and they are what counts. */
async function isOutlived(folder: Folder, key: string, linkedAt: bigint): Promise<boolean> {
  const lowest = (await slotsOf(folder, key))[0]
  if (lowest === undefined) return false
  const first = await lookAt(folder, pathOf(folder, slotOf(key, lowest)), nameOf(folder, key))
  return first !== undefined && first.mtimeMs < linkedAt - 60_000n
}

const tries = 20

/** Makes a temporary file, and the directories down to it where they are missing. A delete may remove one of them, still empty: then once more. */
export async function withDirectory<T>(folder: Folder, temporary: string, at: string, make: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await make().catch(async (error: unknown) => {
        if (errno(error) !== 'ENOENT') throw error
        await makeDirectories(path.dirname(temporary), folder)
        return await make()
      })
    } catch (error) {
      const number = errno(error)
      if (number === 'EEXIST' || number === 'ENOTDIR') throw belowAnother(at)
      if (number !== 'ENOENT' || attempt === tries) return await onDisk(Promise.reject(error), at, 'write it')
    }
  }
}

async function openNew(folder: Folder, temporary: string, at: string): Promise<FileHandle> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL
  return await withDirectory(folder, temporary, at, () => folder.disk.open(temporary, flags, 0o666))
}

async function writeAll(file: FileHandle, piece: Uint8Array, at: string): Promise<void> {
  for (let done = 0; done < piece.byteLength;) {
    const { bytesWritten } = await onDisk(file.write(piece, done, piece.byteLength - done), at, 'write it')
    done += bytesWritten
  }
}

/** Makes the key's way durable: its directory, and those above, of which any may be new. */
async function syncWay(folder: Folder, key: string, at: string): Promise<void> {
  if (!folder.durable) return
  const generations = directoryOf(folder, key)
  const exists = await orMissing(folder.disk.lstat(generations), at, 'look at its generations')
  await syncFrom(folder, exists === undefined ? path.dirname(generations) : generations)
}

async function syncFrom(folder: Folder, lowest: string): Promise<void> {
  if (!folder.durable) return
  for (let directory = lowest; directory.length >= folder.root.length; directory = path.dirname(directory)) {
    await orMissing(syncOne(folder, directory), directory, 'flush the directory to the disk')
    if (directory === '/') return
  }
}

async function syncOne(folder: Folder, directory: string): Promise<void> {
  try {
    await syncDirectory(folder.disk, directory)
  } catch (error) {
    // fsync(2): EINVAL is a file system that cannot do this to a directory; it orders its entries by itself.
    if (errno(error) !== 'EINVAL' && errno(error) !== 'ENOTSUP') throw error
  }
}
