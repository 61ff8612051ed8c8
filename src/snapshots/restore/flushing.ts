import { closeSync, constants, fstatSync, fsyncSync, openSync } from 'node:fs'
import { type Held, realSys, type Sys } from '../../kit/sys/index.ts'
import { systemPath } from '../tree/name.ts'

/** Sees to it that, once a restore has ended, a power cut undoes nothing of it. */
export interface Flushing {
  /** Something will be changed in a directory that was there before. */
  begin(directory: Held): void
  /** A file or directory has been changed, and is still open. */
  changed(fd: number): void
  /** Waits until all of it is on disk. */
  end(): void
  /** Idempotent. */
  close(): void
}

/** Whole file systems at the end, which costs one flush and not one for each file; each file where the system cannot. */
export function startFlushing(sys: Pick<Sys, 'whyMissing' | 'flushFileSystem'> = realSys): Flushing {
  if (sys.whyMissing() !== undefined) {
    return { begin: () => undefined, changed: (fd) => fsyncSync(fd), end: () => undefined, close: () => undefined }
  }
  // One open directory of each.
  const fileSystems = new Map<number, number>()
  return {
    begin({ fd, path }) {
      const { dev } = fstatSync(fd)
      if (!fileSystems.has(dev)) fileSystems.set(dev, openSync(systemPath(path), constants.O_RDONLY | constants.O_DIRECTORY))
    },
    changed: () => undefined,
    end() {
      for (const fd of fileSystems.values()) sys.flushFileSystem(fd)
    },
    close() {
      for (const fd of fileSystems.values()) closeSync(fd)
      fileSystems.clear()
    },
  }
}
