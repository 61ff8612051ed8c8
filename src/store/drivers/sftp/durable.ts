import { type Answer, type Handle, isRefusal, orAbsent } from './calls.ts'
import type { Link } from './connection.ts'
import { statuses } from './packet.ts'
import { type Place, refusalFault } from './place.ts'

/** Directories that are open to be flushed. */
export interface Flushing {
  /** Flushes what has been done in them until now. */
  flush(): Promise<void>
  /** Lets go of them. */
  end(): void
}

const nothing: Flushing = { flush: async () => {}, end: () => {} }

/**
 * Opens directories as files, which OpenSSH's server does and others refuse: there a new name is as durable as the server makes it. Sent at
 * once, so that the opening costs no round trip of its own.
 */
export function openForFlushing(place: Place, link: Link, directories: readonly string[]): Flushing {
  if (!place.durable || !link.can.fsync) return nothing
  const opened = directories.map((directory) => {
    const handle = link.openForReading(directory).then(orAbsent)
    handle.catch(() => undefined)
    return { directory, handle }
  })
  const handles = async () => {
    const given: { directory: string; handle: Handle }[] = []
    for (const { directory, handle } of opened) {
      const got: Answer<Handle | undefined> = await handle
      if (got !== undefined && !isRefusal(got)) given.push({ directory, handle: got })
    }
    return given
  }
  return {
    async flush() {
      const flushed = (await handles()).map(async ({ directory, handle }) => {
        const answer = await link.fsync(handle)
        // A file system that cannot flush a directory says EINVAL, which is a bad message here; it orders its entries by itself.
        if (!isRefusal(answer) || answer.refused === statuses.badMessage || answer.refused === statuses.unsupported) return
        throw await refusalFault(place, link, answer, directory, 'flush the directory to the disk')
      })
      await Promise.all(flushed)
    },
    end() {
      const letGo = async () => {
        for (const { handle } of await handles()) link.release(handle)
      }
      letGo().catch(() => undefined)
    },
  }
}
