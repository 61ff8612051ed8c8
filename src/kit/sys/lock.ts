import { constants } from 'node:os'
import { systemFault } from './failure.ts'
import type { Libc } from './libc.ts'

export interface LockCalls {
  /**
   * Takes the advisory lock (flock) of an open file, or changes it; false where another holds it. It never waits. It goes
   * with the last descriptor of that opening, so that a killed process leaves none behind.
   */
  tryLock(fd: number, kind: 'shared' | 'exclusive'): boolean
  unlock(fd: number): void
}

const shared = 1
const exclusive = 2
const withoutWaiting = 4
const release = 8

export function lockCalls(libc: Libc): LockCalls {
  const flock = libc.bind({ symbol: 'flock', returns: 'int', takes: ['int', 'int'], doing: 'lock a file' })
  return {
    tryLock(fd, kind) {
      if (flock(fd, (kind === 'shared' ? shared : exclusive) | withoutWaiting) === 0) return true
      const number = libc.errorNumber()
      if (number === constants.errno.EWOULDBLOCK) return false
      throw systemFault(number, 'lock a file', fd)
    },
    unlock(fd) {
      if (flock(fd, release) !== 0) throw systemFault(libc.errorNumber(), 'unlock a file', fd)
    },
  }
}
