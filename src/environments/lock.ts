import { closeSync, openSync } from 'node:fs'
import { type Clock, diskFault, Fault } from '../kit/index.ts'
import { realSys } from '../kit/sys/index.ts'

export interface LockOptions {
  readonly file: string
  /** Of the environment, for people. */
  readonly name: string
  readonly onBusy: 'wait' | 'fail'
  /** Milliseconds; undefined: as long as it takes. */
  readonly limit?: number | undefined
  readonly clock: Clock
  readonly signal?: AbortSignal | undefined
  /** Called once, when there is something to wait for. */
  readonly onWait?: () => void
}

/** Runs `work` with the lock of an environment. The lock goes with its process, however that ends. `busy` where it cannot be had. */
export async function withLock<T>(options: LockOptions, work: (lock: number) => Promise<T>): Promise<T> {
  const fd = openLock(options.file)
  try {
    await acquire(fd, options)
    return await work(fd)
  } finally {
    // What a program has started in the background may have it open still.
    release(fd)
  }
}

function release(fd: number): void {
  realSys.unlock(fd)
  closeSync(fd)
}

function openLock(file: string): number {
  try {
    return openSync(file, 'a', 0o666)
  } catch (error) {
    throw diskFault(error, file, 'open the lock of the environment')
  }
}

const firstPause = 5
const longestPause = 250

async function acquire(fd: number, { file, name, onBusy, limit, clock, signal, onWait }: LockOptions): Promise<void> {
  const begun = clock.now()
  let pause = firstPause
  while (!realSys.tryLock(fd, 'exclusive')) {
    const waited = clock.now() - begun
    if (onBusy === 'fail' || (limit !== undefined && waited >= limit)) {
      throw new Fault(
        'busy',
        `another command is working on the environment ${name}${onBusy === 'fail' ? '' : `, after ${waited} ms of waiting`}`,
        {
          at: file,
          hint: 'wait for it to end and run this again',
        },
      )
    }
    if (pause === firstPause) onWait?.()
    await clock.sleep(Math.min(pause, limit === undefined ? pause : limit - waited), signal)
    pause = Math.min(longestPause, pause * 2)
  }
}
