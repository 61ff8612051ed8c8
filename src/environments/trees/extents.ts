import { type BigIntStats, closeSync, constants, fchmodSync, ftruncateSync, openSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { throwIfAborted } from '../../kit/index.ts'
import { realSys as sys } from '../../kit/sys/index.ts'

/** So much is copied before others get their turn. */
const step = 32 << 20

/** Copies an open file to a free name without its holes; the mode comes with it. The bytes that it copied. */
export async function copyExtents(
  source: number,
  to: string | Buffer,
  { size, mode }: BigIntStats,
  signal: AbortSignal | undefined,
): Promise<number> {
  let target: number | undefined
  try {
    target = openSync(to, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600)
    fchmodSync(target, Number(mode & 0o7777n))
    ftruncateSync(target, Number(size))
    let copied = 0
    for (const { offset, length } of sys.dataExtents(source, Number(size))) {
      for (let done = 0; done < length; done += step) {
        throwIfAborted(signal)
        const at = offset + done
        copied += sys.copyRange(source, target, { from: at, to: at, length: Math.min(step, length - done) })
        await setImmediate()
      }
    }
    return copied
  } finally {
    if (target !== undefined) closeSync(target)
  }
}
