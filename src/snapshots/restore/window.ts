import type { Placement } from '../../chunks/index.ts'
import { diskFault, isFault } from '../../kit/index.ts'
import { joinBytes, shownName } from '../tree/name.ts'
import { fail, leave } from './directory.ts'
import type { ChunkStretch } from './local-file.ts'
import type { FileWork, Restoring, Windows } from './restoring.ts'
import { settle } from './settle.ts'

/** What a window may have before it is fetched: bytes to fetch, chunks, and files, which are open then. */
const windowBytes = 48 << 20
const windowChunks = 4096
const windowFiles = 400

interface Missing {
  readonly work: FileWork
  readonly chunks: readonly ChunkStretch[]
}

/** Windows over the files of one restore. */
export function openWindows(restoring: () => Restoring): Windows {
  const open = new Set<FileWork>()
  let filling: Missing[] = []
  let room = freshRoom()
  let running: Promise<void> = Promise.resolve()
  let turning: Promise<void> | undefined
  // Several may find it full at the same time.
  const turn = () => (turning ??= next().finally(() => (turning = undefined)))
  const next = async () => {
    await running
    const window = filling
    filling = []
    room = freshRoom()
    running = fetchWindow(window, { restoring: restoring(), landed })
    // Awaited with the next turn.
    running.catch(() => undefined)
  }
  const landed = (work: FileWork, count: number) => {
    work.left -= count
    if (work.left > 0) return
    open.delete(work)
    complete(restoring(), work)
  }
  return {
    begin(begun) {
      // One for the seal.
      const work: FileWork = { ...begun, left: 1, failure: undefined }
      open.add(work)
      return work
    },
    async push(work, chunks) {
      if (chunks.length === 0 || work.failure !== undefined) return
      work.left += chunks.length
      filling.push({ work, chunks })
      room.bytes -= chunks.reduce((sum, { length }) => sum + length, 0)
      room.chunks -= chunks.length
      room.files--
      if (Math.min(room.bytes, room.chunks, room.files) <= 0) await turn()
    },
    seal(work, failure) {
      work.failure ??= failure
      landed(work, 1)
    },
    async end() {
      await turning
      await turn()
      await running
    },
    async drop() {
      // Nothing may be written any more into files that are closed.
      await Promise.allSettled([turning, running])
      await running.catch(() => undefined)
      for (const { job } of open) job.drop()
    },
  }
}

function freshRoom() {
  return { bytes: windowBytes, chunks: windowChunks, files: windowFiles }
}

interface Fetching {
  readonly restoring: Restoring
  readonly landed: (work: FileWork, count: number) => void
}

async function fetchWindow(window: readonly Missing[], { restoring, landed }: Fetching): Promise<void> {
  const placements: (Placement & { readonly work: FileWork })[] = []
  for (const { work, chunks } of window) {
    const fd = openFor(work)
    if (fd === undefined) landed(work, chunks.length)
    else {
      const { onlyDifferences } = work.job
      for (const { id, length, offset } of chunks) placements.push({ id, length, offset, fd, onlyDifferences, work })
    }
  }
  for await (const { done, failed, written } of restoring.chunks.place(placements, restoring)) {
    restoring.written.bytes += written
    for (const { placement, error } of failed) note(placement.work, error)
    const all = failed.length === 0 ? done : [...done, ...failed.map(({ placement }) => placement)]
    restoring.report({ kind: 'advance', task: 'restore', bytes: all.reduce((sum, { length }) => sum + length, 0) })
    for (const { work } of all) landed(work, 1)
  }
}

function openFor(work: FileWork): number | undefined {
  try {
    return work.failure === undefined ? work.job.fd() : undefined
  } catch (error) {
    note(work, error)
    return undefined
  }
}

/** Only this file cannot be made: the others go on. A full disk ends all. */
function note(work: FileWork, error: unknown): void {
  const failure = diskFault(error, shownName(work.job.path), 'write the file')
  if (isFault(failure, 'unavailable') || isFault(failure, 'aborted') || isFault(failure, 'bug')) throw failure
  work.failure ??= failure
}

function complete(restoring: Restoring, work: FileWork): void {
  const { job, directory, entry } = work
  try {
    if (work.failure === undefined) job.finish((fd) => settle(restoring, fd, joinBytes(directory.path, entry.name), entry))
  } catch (error) {
    note(work, error)
  }
  if (work.failure === undefined) restoring.report({ kind: 'advance', task: 'restore', items: 1 })
  else {
    job.drop()
    fail(restoring, directory, entry.name, work.failure)
  }
  leave(restoring, directory, 'active')
}
