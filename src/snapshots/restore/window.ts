import { type Digest, Fault, isFault, throwIfAborted } from '../../kit/index.ts'
import { joinBytes } from '../tree/name.ts'
import { fail, leave } from './directory.ts'
import type { Stretch } from './local-file.ts'
import type { FileWork, Restoring } from './restoring.ts'
import { settle } from './settle.ts'

/** What a window may hold before it is fetched: bytes in memory, chunks, files that are open. */
const windowBytes = 24 << 20
const windowChunks = 8192
const windowFiles = 400

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
  const turn = async () => {
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
      room.bytes -= work.job.held + work.job.missing.reduce((sum, { part }) => sum + part.length, 0)
      room.chunks -= work.job.missing.length
      room.files--
      if (room.bytes <= 0 || room.chunks <= 0 || room.files <= 0) await turn()
    },
    async end() {
      await turn()
      await running
    },
    drop: () => filling.forEach(({ job }) => job.drop()),
  }
}

function freshRoom() {
  return { bytes: windowBytes, chunks: windowChunks, files: windowFiles }
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
    if (work.left === 0) complete(restoring, work)
    for (const stretch of work.work.job.missing) {
      const known = byId.get(stretch.part.id!)
      if (known === undefined) byId.set(stretch.part.id!, [{ work, stretch }])
      else known.push({ work, stretch })
    }
  }
  try {
    for await (const { id, bytes } of readAll(restoring, inOrderOfPacks(restoring, [...byId.keys()]))) {
      throwIfAborted(restoring.signal)
      for (const wanted of byId.get(id)!) give(restoring, wanted, bytes)
    }
  } finally {
    for (const { work, isDone } of works) if (!isDone) work.job.drop()
  }
}

function inOrderOfPacks({ chunks }: Restoring, ids: readonly Digest[]): Digest[] {
  const placed = ids.map((id) => ({ id, place: chunks.locate(id) }))
  placed.sort(({ place: a }, { place: b }) => {
    if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? 1 : -1
    return a.pack === b.pack ? a.blockOffset - b.blockOffset || a.offset - b.offset : a.pack < b.pack ? -1 : 1
  })
  return placed.map(({ id }) => id)
}

/** All chunks; where one is damaged or missing, its fault in place of its bytes, and the others all the same. */
async function* readAll(
  restoring: Restoring,
  ids: readonly Digest[],
): AsyncGenerator<{ readonly id: Digest; readonly bytes: Uint8Array | Fault }> {
  const { chunks } = restoring
  let at = 0
  while (at < ids.length) {
    try {
      for await (const found of chunks.readMany(ids.slice(at), restoring)) {
        yield found
        at++
      }
    } catch (error) {
      if (!isFault(error, 'corrupt') && !isFault(error, 'not-found')) throw error
      yield { id: ids[at]!, bytes: error }
      at++
    }
  }
}

function give(restoring: Restoring, { work, stretch }: Wanted, bytes: Uint8Array | Fault): void {
  if (work.isDone) return
  try {
    if (bytes instanceof Fault) throw bytes
    if (bytes.byteLength !== stretch.part.length)
      throw new Fault('corrupt', 'a chunk has another length than its file says', { at: stretch.part.id })
    work.work.job.give(stretch, bytes)
    restoring.report({ kind: 'advance', task: 'restore', bytes: bytes.byteLength })
    work.left--
  } catch (error) {
    giveUp(restoring, work, error)
    return
  }
  if (work.left === 0) complete(restoring, work)
}

function complete(restoring: Restoring, open: OpenWork): void {
  const { job, directory, entry } = open.work
  try {
    job.finish((fd) => settle(restoring, fd, joinBytes(directory.path, entry.name), entry))
  } catch (error) {
    giveUp(restoring, open, error)
    return
  }
  open.isDone = true
  restoring.report({ kind: 'advance', task: 'restore', items: 1 })
  leave(restoring, directory, 'active')
}

/** Only this file: the others go on. A full disk ends all. */
function giveUp(restoring: Restoring, open: OpenWork, error: unknown): void {
  const { job, directory, entry } = open.work
  job.drop()
  if (isFault(error, 'unavailable') || isFault(error, 'aborted') || isFault(error, 'bug')) throw error
  open.isDone = true
  fail(restoring, directory, entry.name, error)
  leave(restoring, directory, 'active')
}
