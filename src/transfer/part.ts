import { constants } from 'node:fs'
import path from 'node:path'
import { type Digest, type Disk, diskFault, errno, syncDirectory, makeDirectories } from '../kit/index.ts'
import { dataName, type Found, isOwn, journalName, journalText, lookAt, readJournal } from './journal.ts'
import { hasEnded, ownerName } from './owner.ts'

/** Bytes on their way to a target: a folder beside it, held by one process at a time, with the ranges that are safely on disk. */
export interface Part {
  /** Bytes of one range; what an earlier process chose is kept. */
  readonly rangeBytes: number
  /** Ranges that an earlier process finished, by number. */
  readonly finished: ReadonlySet<number>
  /** Bytes that the disk holds already. */
  readonly held: number
  write(position: number, piece: Uint8Array): Promise<void>
  read(position: number, into: Uint8Array): Promise<number>
  /** Remembers a range, once its bytes are durable. */
  finish(range: number): Promise<void>
  /** Gives the bytes the target's name, durably; false where the target came into being meanwhile and must not be replaced. Ends it either way. */
  place(options: { readonly replace: boolean; readonly mode?: number | undefined }): Promise<boolean>
  /** Lets go of it, for the next process to go on with where that is wanted and something is finished. */
  release(): Promise<void>
  /** Removes it. */
  discard(): Promise<void>
}

export interface PartPlan {
  readonly target: string
  readonly size: number
  readonly digest: Digest
  readonly rangeBytes: number
  /** Whether it goes on with what an earlier process left, and leaves something to go on with. */
  readonly resume: boolean
  readonly disk: Disk
}

const suffix = '.holdfast-part'

/**
 * Takes over what an earlier process left for this target and digest, or begins anew. Taking over is one rename, so that
 * of two processes one has it; what belongs to a running process is left alone, and what is stale is removed.
 */
export async function openPart(plan: PartPlan): Promise<Part> {
  const folder = `${plan.target}${suffix}.${await ownerName()}`
  try {
    await makeDirectories(path.dirname(plan.target), { disk: plan.disk })
    for (const left of await leftOvers(plan)) {
      if (!(await taken(plan.disk, left, folder))) continue
      const found = plan.resume ? await readJournal(plan, folder) : undefined
      if (found !== undefined) return await openIn(plan, folder, found)
      await remove(plan.disk, folder)
    }
    await plan.disk.mkdir(folder, { mode: 0o700 })
    return await openIn(plan, folder, undefined)
  } catch (error) {
    throw diskFault(error, folder, 'write beside the target')
  }
}

/** Removes what ended processes left for this target. */
export async function sweepParts(target: string, disk: Disk): Promise<void> {
  const folder = `${target}${suffix}.${await ownerName()}`
  try {
    for (const left of await leftOvers({ target, disk })) if (await taken(disk, left, folder)) await remove(disk, folder)
  } catch (error) {
    throw diskFault(error, folder, 'remove what an earlier download left')
  }
}

async function openIn(plan: PartPlan, folder: string, found: Found | undefined): Promise<Part> {
  const { disk, target } = plan
  const { handle, journal, close } = await openFiles(plan, folder, found)
  let worthKeeping = found !== undefined
  const translated = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      throw diskFault(error, target, 'write the file')
    }
  }
  return {
    rangeBytes: found?.rangeBytes ?? plan.rangeBytes,
    finished: found?.finished ?? new Set(),
    held: found?.held ?? 0,
    write: (position, piece) =>
      translated(async () => {
        for (let at = 0; at < piece.byteLength;) at += (await handle.write(piece, at, piece.byteLength - at, position + at)).bytesWritten
      }),
    read: (position, into) => translated(async () => (await handle.read(into, 0, into.byteLength, position)).bytesRead),
    finish: (range) =>
      translated(async () => {
        if (journal === undefined) return
        await handle.datasync()
        await journal.appendFile(`${range}\n`)
        worthKeeping = true
      }),
    place: ({ replace, mode }) =>
      translated(async () => {
        if (mode !== undefined) await handle.chmod(mode)
        // After a sync that failed the system may hold pages for written that are not: nothing of it is used again.
        const wasWorthKeeping = worthKeeping
        worthKeeping = false
        await handle.sync()
        worthKeeping = wasWorthKeeping
        await close()
        const placed = await giveName(disk, path.join(folder, dataName), target, replace)
        if (placed) await syncDirectory(disk, path.dirname(target))
        await remove(disk, folder)
        return placed
      }),
    release: () =>
      translated(async () => {
        await close()
        if (!(worthKeeping && (await taken(disk, folder, `${target}${suffix}`)))) await remove(disk, folder)
      }),
    discard: () =>
      translated(async () => {
        await close()
        await remove(disk, folder)
      }),
  }
}

/** The bytes, and what says which of them are safe; without both the folder is removed. */
async function openFiles(plan: PartPlan, folder: string, found: Found | undefined) {
  const { disk } = plan
  const text = journalText(plan, found?.rangeBytes ?? plan.rangeBytes, found?.finished ?? [])
  await using opening = new AsyncDisposableStack()
  opening.defer(() => remove(disk, folder))
  const data = path.join(folder, dataName)
  const handle = opening.use(await disk.open(data, found === undefined ? 'wx+' : constants.O_RDWR | constants.O_NOFOLLOW))
  const journal = plan.resume ? opening.use(await disk.open(path.join(folder, journalName), 'w')) : undefined
  await journal?.appendFile(text)
  opening.move()
  let isOpen = true
  return {
    handle,
    journal,
    async close() {
      if (!isOpen) return
      isOpen = false
      await handle.close()
      await journal?.close()
    },
  }
}

/** Without `replace` by a hard link, which fails where the name is taken; where the file system has none, by a look and a rename. */
async function giveName(disk: Disk, data: string, target: string, replace: boolean): Promise<boolean> {
  if (!replace) {
    try {
      await disk.link(data, target)
      return true
    } catch (error) {
      if (errno(error) === 'EEXIST') return false
      if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(errno(error) ?? '')) throw error
      if ((await lookAt(disk, target)) !== undefined) return false
    }
  }
  await disk.rename(data, target)
  return true
}

/** The free one and those of processes that have ended, as far as they are this user's own folders. */
async function leftOvers({ disk, target }: Pick<PartPlan, 'disk' | 'target'>): Promise<string[]> {
  const folder = path.dirname(target)
  const free = path.basename(target) + suffix
  const owned: string[] = []
  for (const name of await disk.readdir(folder)) {
    const isLeft = name === free || (name.startsWith(`${free}.`) && (await hasEnded(name.slice(free.length + 1))))
    if (!isLeft) continue
    const stats = await lookAt(disk, path.join(folder, name))
    if (stats?.isDirectory() && isOwn(stats)) owned.push(path.join(folder, name))
  }
  return owned
}

/** Renames a folder; false where another process was first, at either end. */
async function taken(disk: Disk, from: string, to: string): Promise<boolean> {
  try {
    await disk.rename(from, to)
    return true
  } catch (error) {
    if (['ENOENT', 'ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes(errno(error) ?? '')) return false
    throw error
  }
}

async function remove(disk: Disk, folder: string): Promise<void> {
  for (const name of [dataName, journalName]) {
    await disk.unlink(path.join(folder, name)).catch((error: unknown) => {
      if (errno(error) !== 'ENOENT') throw error
    })
  }
  await disk.rmdir(folder)
}
