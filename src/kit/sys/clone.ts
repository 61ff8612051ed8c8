import { systemFault } from './failure.ts'
import type { Libc } from './libc.ts'

/** Which bytes of the source go where in the target. */
export interface CopiedRange {
  readonly from: number
  readonly to: number
  readonly length: number
}

export interface CloneCalls {
  /** Lets `target` share all blocks of `source`, both open files. `unsupported` where the file system cannot, or on two of them. */
  cloneFile(source: number, target: number): void
  /**
   * The same for a range, whose ends must lie on blocks of the file system (its last may be the source's end): otherwise
   * `invalid`.
   */
  cloneRange(source: number, target: number, range: CopiedRange): void
  /**
   * Copies a range inside the kernel, which shares the blocks where it can. The bytes copied: fewer only where the source
   * ends. It blocks until then: large ranges are the caller's to cut. `unsupported` on two file systems that cannot.
   */
  copyRange(source: number, target: number, range: CopiedRange): number
}

const cloneRangeRequest = 0x4020940d

export function cloneCalls(libc: Libc): CloneCalls {
  const doing = 'clone a file'
  const ioctl = libc.bind({ symbol: 'ioctl', returns: 'int', takes: ['int', 'uint64_t', 'void *'], doing })
  const copyFileRange = libc.bind({
    symbol: 'copy_file_range',
    returns: 'int64_t',
    takes: ['int', 'void *', 'int', 'void *', 'uint64_t', 'uint32_t'],
    doing: 'copy a range of a file',
  })
  const clone = (source: number, target: number, { from, to, length }: CopiedRange) => {
    const request = BigInt64Array.of(BigInt(source), BigInt(from), BigInt(length), BigInt(to))
    if (ioctl(target, cloneRangeRequest, request) !== 0) throw systemFault(libc.errorNumber(), doing, target)
  }

  return {
    // To the kernel, a length of 0 is all up to the end.
    cloneFile: (source, target) => clone(source, target, { from: 0, to: 0, length: 0 }),
    cloneRange(source, target, range) {
      if (range.length > 0) clone(source, target, range)
    },
    copyRange(source, target, { from, to, length }) {
      const offsets = [BigInt64Array.of(BigInt(from)), BigInt64Array.of(BigInt(to))] as const
      let copied = 0
      while (copied < length) {
        const count = copyFileRange(source, offsets[0], target, offsets[1], length - copied, 0)
        if (count < 0) throw systemFault(libc.errorNumber(), 'copy a range of a file', target)
        if (count === 0) break
        copied += count
      }
      return copied
    },
  }
}
