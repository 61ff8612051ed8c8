import { type BigIntStats, closeSync, constants, fchmodSync, ftruncateSync, openSync, read, write } from 'node:fs'
import { promisify } from 'node:util'
import { throwIfAborted } from '../../kit/index.ts'
import { realSys as sys } from '../../kit/sys/index.ts'

const readPart = promisify(read)
const writePart = promisify(write)
const step = 256 << 10

/** Copies an open file to a free name without its holes; the mode comes with it. The bytes that it copied. */
export async function copyExtents(
  source: number,
  to: string | Buffer,
  { size, mode }: BigIntStats,
  signal: AbortSignal | undefined,
): Promise<number> {
  const target = openSync(to, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600)
  try {
    fchmodSync(target, Number(mode & 0o7777n))
    ftruncateSync(target, Number(size))
    const buffer = Buffer.allocUnsafeSlow(step)
    let copied = 0
    for (const { offset, length } of sys.dataExtents(source, Number(size))) {
      for (let at = offset; at < offset + length;) {
        throwIfAborted(signal)
        const { bytesRead } = await readPart(source, buffer, 0, Math.min(step, offset + length - at), at)
        // It has been cut short meanwhile.
        if (bytesRead === 0) break
        for (let done = 0; done < bytesRead;) {
          done += (await writePart(target, buffer, done, bytesRead - done, at + done)).bytesWritten
        }
        at += bytesRead
        copied += bytesRead
      }
    }
    return copied
  } finally {
    closeSync(target)
  }
}
