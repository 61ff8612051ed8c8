import { systemFault } from './failure.ts'
import type { Libc } from './libc.ts'

export interface FlushCalls {
  /** Waits until all that was changed on the file system that an open file or directory is of is on its disk: content, names and attributes. */
  flushFileSystem(fd: number): void
}

export function flushCalls(libc: Libc): FlushCalls {
  const doing = 'flush the file system'
  const syncfs = libc.bind({ symbol: 'syncfs', returns: 'int', takes: ['int'], doing })
  return {
    flushFileSystem(fd) {
      if (syncfs(fd) !== 0) throw systemFault(libc.errorNumber(), doing, fd)
    },
  }
}
