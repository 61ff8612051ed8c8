import { fstatSync, ftruncateSync, writeSync } from 'node:fs'
import { diskFault, isFault } from '../../kit/index.ts'
import { type Extent, placeName, realSys, type Sys } from '../../kit/sys/index.ts'

/** Makes a range within an open file read as zeros: a hole where the file system can have one, written zeros elsewhere. */
export function clearRange(fd: number, extent: Extent, sys: Sys = realSys): 'hole' | 'zeros' {
  try {
    sys.punchHole(fd, extent)
    freeEnd(fd, extent)
    return 'hole'
  } catch (error) {
    if (!isFault(error, 'unsupported')) throw error
    writeZeros(fd, extent)
    return 'zeros'
  }
}

/** A block that the file ends in is zeroed by punching, and stays: only cutting the file gives it back. */
function freeEnd(fd: number, { offset, length }: Extent): void {
  try {
    const { size } = fstatSync(fd)
    if (offset + length < size || offset >= size) return
    ftruncateSync(fd, offset)
    ftruncateSync(fd, size)
  } catch (error) {
    throw diskFault(error, placeName(fd), 'make a hole at its end')
  }
}

function writeZeros(fd: number, { offset, length }: Extent): void {
  const zeros = Buffer.alloc(Math.min(length, 1 << 20))
  try {
    for (let done = 0; done < length;) done += writeSync(fd, zeros, 0, Math.min(zeros.length, length - done), offset + done)
  } catch (error) {
    throw diskFault(error, placeName(fd), 'write zeros')
  }
}
