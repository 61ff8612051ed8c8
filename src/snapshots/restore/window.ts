import { type Digest, Fault, isFault, throwIfAborted } from '../../kit/index.ts'
import { readEach } from '../look/read-each.ts'
import { joinBytes } from '../tree/name.ts'
import { fail, leave } from './directory.ts'
import type { Stretch } from './local-file.ts'
import type { FileWork, Restoring } from './restoring.ts'
import { settle } from './settle.ts'

/** What a window may hold before it is fetched: bytes in memory, bytes to fetch, chunks, files that are open. */
const heldBytes = 12 << 20
const windowBytes = 48 << 20
const windowChunks = 8192
const windowFiles = 400
/** Bytes that are being written at a time. */
const writtenBytes = 12 << 20

/** Collects files that lack chunks, and fetches for many at a time, so that what lies together in a pack is read once. */
export interface Windows {
  push(work: FileWork): Promise<void>
  /** The rest. */
  end(): Promise<void>
  /** After a failure: leaves no temporary file behind. */
  drop(): void
}

export function openWindows(restoring: () => Restoring): Windows {
  let filling: FileWork[] = []
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
    running = fetchWindow(restoring(), window)
    // Awaited with the next turn.
    running.catch(() => undefined)
  }
  return {
    async push(work) {
      filling.push(work)
      room.held -= work.job.held
      room.bytes -= work.job.missing.reduce((sum, { part }) => sum + part.length, 0)
      room.chunks -= work.job.missing.length
      room.files--
      if (Math.min(room.held, room.bytes, room.chunks, room.files) <= 0) await turn()
    },
    async end() {
      await turning
      await turn()
      await running
    },
    drop: () => filling.forEach(({ job }) => job.drop()),
  }
}

function freshRoom() {
  return { held: heldBytes, bytes: windowBytes, chunks: windowChunks, files: windowFiles }
}

interface Wanted {
  readonly work: OpenWork
  readonly stretch: Stretch
}

interface OpenWork {
  readonly work: FileWork
  left: number
  isDone: boolean
}

async function fetchWindow(restoring: Restoring, window: readonly FileWork[]): Promise<void> {
  const works = window.map((work): OpenWork => ({ work, left: work.job.missing.length, isDone: false }))
  const byId = new Map<Digest, Wanted[]>()
  for (const work of works) {
    for (const stretch of work.work.job.missing) {
      const known = byId.get(stretch.part.id!)
      if (known === undefined) byId.set(stretch.part.id!, [{ work, stretch }])
      else known.push({ work, stretch })
    }
  }
  const writes = newWrites()
  try {
    for (const work of works) if (work.left === 0) writes.add(0, complete(restoring, work))
    for await (const { id, bytes } of readEach(restoring.chunks, [...byId.keys()], restoring)) {
      throwIfAborted(restoring.signal)
      for (const wanted of byId.get(id)!) writes.add(wanted.stretch.part.length, give(restoring, wanted, bytes))
      await writes.room()
    }
  } finally {
    await writes.end().finally(() => {
      for (const { work, isDone } of works) if (!isDone) work.job.drop()
    })
  }
}

/** Writing that goes on beside reading. */
interface Writes {
  add(bytes: number, write: Promise<void> | undefined): void
  /** Waits until there is room for more; throws what a write has thrown. */
  room(): Promise<void>
  end(): Promise<void>
}

function newWrites(): Writes {
  const running = new Set<Promise<void>>()
  let bytes = 0
  let failure: { error: unknown } | undefined
  const check = () => {
    if (failure !== undefined) throw failure.error
  }
  return {
    add(size, write) {
      if (write === undefined) return
      bytes += size
      const tracked = write
        .catch((error: unknown) => {
          failure ??= { error }
        })
        .finally(() => {
          bytes -= size
          running.delete(tracked)
        })
      running.add(tracked)
    },
    async room() {
      while (bytes > writtenBytes && failure === undefined) await Promise.race(running)
      check()
    },
    async end() {
      while (running.size > 0) await Promise.all(running)
      check()
    },
  }
}

function give(restoring: Restoring, { work, stretch }: Wanted, bytes: Uint8Array | Fault): Promise<void> | undefined {
  if (work.isDone) return undefined
  const given = () => {
    restoring.report({ kind: 'advance', task: 'restore', bytes: stretch.part.length })
    work.left--
    return work.left === 0 ? complete(restoring, work) : undefined
  }
  const giveUpOn = (error: unknown) => giveUp(restoring, work, error)
  try {
    if (bytes instanceof Fault) throw bytes
    if (bytes.byteLength !== stretch.part.length) {
      throw new Fault('corrupt', 'a chunk has another length than its file says', { at: stretch.part.id })
    }
    const writing = work.work.job.give(stretch, bytes)
    return writing === undefined ? given() : writing.then(given, giveUpOn)
  } catch (error) {
    giveUpOn(error)
    return undefined
  }
}

function complete(restoring: Restoring, open: OpenWork): Promise<void> | undefined {
  const { job, directory, entry } = open.work
  const completed = () => {
    open.isDone = true
    restoring.report({ kind: 'advance', task: 'restore', items: 1 })
    leave(restoring, directory, 'active')
  }
  const giveUpOn = (error: unknown) => giveUp(restoring, open, error)
  try {
    const finishing = job.finish((fd) => settle(restoring, fd, joinBytes(directory.path, entry.name), entry))
    if (finishing !== undefined) return finishing.then(completed, giveUpOn)
  } catch (error) {
    giveUpOn(error)
    return undefined
  }
  completed()
  return undefined
}

/** Only this file: the others go on. A full disk ends all. */
function giveUp(restoring: Restoring, open: OpenWork, error: unknown): void {
  const { job, directory, entry } = open.work
  // Of several chunks of a file, each may fail.
  if (open.isDone) return
  job.drop()
  if (isFault(error, 'unavailable') || isFault(error, 'aborted') || isFault(error, 'bug')) throw error
  open.isDone = true
  fail(restoring, directory, entry.name, error)
  leave(restoring, directory, 'active')
}
