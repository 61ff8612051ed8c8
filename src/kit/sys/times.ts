import { systemFault } from './failure.ts'
import type { Libc } from './libc.ts'
import { type Place, terminated } from './place.ts'

export interface TimeCalls {
  /**
   * Sets the times of a file, a directory or a link itself, in nanoseconds since 1970, which may be negative. A time that
   * is left out stays. A file system that cannot hold a time keeps the nearest that it can, without a word.
   */
  setTimes(at: Place, times: { readonly accessedNs?: bigint; readonly modifiedNs?: bigint }): void
}

const currentDirectory = -100
const noFollow = 0x100
const omit = (1n << 30n) - 2n
const second = 1_000_000_000n

export function timeCalls(libc: Libc): TimeCalls {
  const doing = 'set its times'
  const byPath = libc.bind({ symbol: 'utimensat', returns: 'int', takes: ['int', 'void *', 'void *', 'int'], doing })
  const byDescriptor = libc.bind({ symbol: 'futimens', returns: 'int', takes: ['int', 'void *'], doing })
  const pair = new BigInt64Array(4)

  return {
    setTimes(at, { accessedNs, modifiedNs }) {
      put(pair, 0, accessedNs)
      put(pair, 2, modifiedNs)
      const result = typeof at === 'number' ? byDescriptor(at, pair) : byPath(currentDirectory, terminated(at), pair, noFollow)
      if (result !== 0) throw systemFault(libc.errorNumber(), doing, at)
    },
  }
}

/** One struct timespec: seconds, and nanoseconds that count upwards also before 1970. */
function put(pair: BigInt64Array, index: number, time: bigint | undefined): void {
  const within = time === undefined ? omit : ((time % second) + second) % second
  pair[index] = time === undefined ? 0n : (time - within) / second
  pair[index + 1] = within
}
