import { constants } from 'node:os'
import { systemFault } from './failure.ts'
import type { Libc } from './libc.ts'

/** A range of a file, in bytes. */
export interface Extent {
  readonly offset: number
  readonly length: number
}

export interface ExtentCalls {
  /**
   * The ranges of an open file that hold data, in order, up to `size`; all else are holes and read as zeros. A file system
   * that knows no holes gives the whole. It moves the descriptor's own position: read with explicit ones.
   */
  dataExtents(fd: number, size: number): Generator<Extent>
  /** Makes a range read as zeros and gives its space back; the size stays. `unsupported` where the file system cannot. */
  punchHole(fd: number, extent: Extent): void
}

const seekData = 3
const seekHole = 4
const punchAndKeepSize = 0x02 | 0x01

export function extentCalls(libc: Libc): ExtentCalls {
  const lseek = libc.bind({ symbol: 'lseek', returns: 'int64_t', takes: ['int', 'int64_t', 'int'], doing: 'find the holes of a file' })
  const fallocate = libc.bind({
    symbol: 'fallocate',
    returns: 'int',
    takes: ['int', 'int', 'int64_t', 'int64_t'],
    doing: 'punch a hole into a file',
  })
  /** The next offset of that kind; undefined past the last. */
  const seek = (fd: number, from: number, whence: number) => {
    const offset = lseek(fd, from, whence)
    if (offset >= 0) return offset
    const number = libc.errorNumber()
    if (number === constants.errno.ENXIO) return undefined
    throw systemFault(number, 'find the holes of a file', fd)
  }

  return {
    *dataExtents(fd, size) {
      for (let end = 0; end < size;) {
        const offset = seek(fd, end, seekData)
        if (offset === undefined || offset >= size) return
        // A file cut short in between has no hole there any more.
        end = Math.min(seek(fd, offset, seekHole) ?? size, size)
        yield { offset, length: end - offset }
      }
    },
    punchHole(fd, { offset, length }) {
      if (length === 0 || fallocate(fd, punchAndKeepSize, offset, length) === 0) return
      throw systemFault(libc.errorNumber(), 'punch a hole into a file', fd)
    },
  }
}
