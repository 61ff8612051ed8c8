import { constants } from 'node:os'
import { Fault } from '../fault.ts'
import { systemFault } from './failure.ts'
import type { Libc } from './libc.ts'
import { placeName, terminated } from './place.ts'

type Path = string | Uint8Array

export interface RenameCalls {
  /** Two names change places in one step: whoever looks sees the one or the other, never neither. `unsupported` where it cannot be had. */
  exchangeNames(one: Path, other: Path): void
  /** Renames in one step, and throws `already-exists` where the new name is taken. `unsupported` where it cannot be had. */
  renameToFree(from: Path, to: Path): void
}

const currentDirectory = -100
const noReplace = 1
const exchange = 2

export function renameCalls(libc: Libc): RenameCalls {
  // By number: not every libc has a function for it.
  const renameat2 = libc.bind({
    symbol: { x64: 316, arm64: 276 },
    returns: 'int',
    takes: ['int', 'void *', 'int', 'void *', 'uint32_t'],
    doing: 'rename with conditions',
  })
  const rename = (from: Path, to: Path, flag: number, doing: string) => {
    if (renameat2(currentDirectory, terminated(from), currentDirectory, terminated(to), flag) === 0) return
    const number = libc.errorNumber()
    // So says a file system that knows no such flag.
    if (number === constants.errno.EINVAL) {
      throw new Fault('unsupported', `cannot ${doing}: this file system cannot do it, or one is inside of the other`, {
        at: placeName(from),
      })
    }
    throw systemFault(number, doing, number === constants.errno.EEXIST ? to : from)
  }
  return {
    exchangeNames: (one, other) => rename(one, other, exchange, `exchange it with ${placeName(other)}`),
    renameToFree: (from, to) => rename(from, to, noReplace, `rename ${placeName(from)} to ${placeName(to)}`),
  }
}
