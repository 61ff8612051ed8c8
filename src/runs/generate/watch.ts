import { type FSWatcher, watch } from 'node:fs'
import { type Clock, diskFault, errno, Fault, throwIfAborted } from '../../kit/index.ts'

export interface Observation {
  /** Directories that were looked at. */
  directories(): Iterable<string>
}

export interface KeepOptions {
  /** Looks at everything once. */
  readonly once: () => Promise<Observation>
  /** Looks again when something changed. */
  readonly watch: boolean
  /** Milliseconds: looks again after so long at the latest. */
  readonly interval: number
  readonly clock: Clock
  readonly signal: AbortSignal
}

/** Milliseconds from a change to looking: others mostly follow it. */
const quiet = 500
/** Looking takes at most this part of the time, so that runs that never rest do not keep a processor busy. */
const share = 0.2

/** Looks again and again until the signal ends it, which throws. */
export async function keepLooking({ once, watch: isWatched, interval, clock, signal }: KeepOptions): Promise<never> {
  const watched = isWatched ? watchDirectories() : undefined
  try {
    for (;;) {
      throwIfAborted(signal)
      const begun = clock.now()
      watched?.rest()
      const { directories } = await once()
      const took = clock.now() - begun
      // What came between looking into a new directory and watching it has shown no event.
      const isMissed = watched !== undefined && watched.follow(directories())
      if (!isMissed) await sleepUntil(clock, interval, watched?.changed, signal)
      await clock.sleep(Math.max(quiet, took / share - took), signal)
    }
  } finally {
    watched?.close()
  }
}

async function sleepUntil(clock: Clock, ms: number, changed: Promise<void> | undefined, signal: AbortSignal): Promise<void> {
  const enough = new AbortController()
  const asleep = clock.sleep(ms, AbortSignal.any([signal, enough.signal]))
  if (changed === undefined) return await asleep
  await Promise.race([asleep, changed])
  enough.abort()
  await asleep.catch(() => undefined)
  throwIfAborted(signal)
}

interface Watched {
  /** Forgets the changes that came so far. */
  rest(): void
  /** Resolves with the next change after `rest`. */
  readonly changed: Promise<void>
  /** Watches these directories and no others; whether there are some that it did not watch before. */
  follow(directories: Iterable<string>): boolean
  close(): void
}

/** One watch for each directory: watching them from above would take one for each file. */
function watchDirectories(): Watched {
  const watchers = new Map<string, FSWatcher>()
  let next = Promise.withResolvers<void>()
  const drop = (directory: string) => {
    watchers.get(directory)?.close()
    watchers.delete(directory)
  }
  const add = (directory: string) => {
    const watcher = watch(directory, () => next.resolve())
    // It is gone, most likely: looking tells.
    watcher.on('error', () => {
      drop(directory)
      next.resolve()
    })
    watchers.set(directory, watcher)
  }
  return {
    rest: () => void (next = Promise.withResolvers<void>()),
    get changed() {
      return next.promise
    },
    follow(directories) {
      const wanted = new Set(directories)
      for (const directory of watchers.keys()) if (!wanted.has(directory)) drop(directory)
      let isNew = false
      for (const directory of wanted) {
        if (!watchers.has(directory) && tryToWatch(directory, () => add(directory))) isNew = true
      }
      return isNew
    },
    close() {
      for (const directory of watchers.keys()) drop(directory)
    },
  }
}

/** False where the directory is gone or shut: looking tells that. */
function tryToWatch(directory: string, add: () => void): boolean {
  try {
    add()
    return true
  } catch (error) {
    const number = errno(error)
    if (number === 'ENOENT' || number === 'EACCES') return false
    if (number !== 'ENOSPC' && number !== 'EMFILE') throw diskFault(error, directory, 'watch the directory')
    throw new Fault('unavailable', 'there are more directories than this system lets one user watch', {
      at: directory,
      hint: 'raise fs.inotify.max_user_watches, or look at intervals: --interval 60',
      cause: error,
    })
  }
}
