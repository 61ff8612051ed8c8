import { writeSync } from 'node:fs'
import { diskFault, isFault } from '../../kit/index.ts'
import { type Extent, placeName, realSys, type Sys } from '../../kit/sys/index.ts'
import type { Shortfall } from './shortfall.ts'

export interface DataExtentOptions {
  readonly shortfall: Shortfall
  readonly sys?: Sys
}

/**
 * The ranges of an open file that hold data, in order; what lies between them up to `size` is holes. All of it where the
 * holes cannot be found, which is noted. It moves the descriptor's own position.
 */
export function* captureExtents(
  fd: number,
  stats: { readonly size: bigint; readonly blocks: bigint },
  options: DataExtentOptions,
): Generator<Extent> {
  const { shortfall, sys = realSys } = options
  const size = Number(stats.size)
  if (size === 0) return
  // Blocks are counted in units of 512 bytes, whatever the file system's own are.
  if (stats.blocks * 512n >= stats.size) yield { offset: 0, length: size }
  else if (sys.whyMissing() !== undefined) {
    shortfall.attempt('holes', fd, () => [...sys.dataExtents(fd, size)])
    yield { offset: 0, length: size }
  } else yield* sys.dataExtents(fd, size)
}

/** Makes a range of an open file read as zeros: a hole where the file system can have one, written zeros elsewhere. */
export function clearRange(fd: number, extent: Extent, sys: Sys = realSys): 'hole' | 'zeros' {
  try {
    sys.punchHole(fd, extent)
    return 'hole'
  } catch (error) {
    if (!isFault(error, 'unsupported')) throw error
    writeZeros(fd, extent)
    return 'zeros'
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
