import { closeSync, constants, openSync } from 'node:fs'
import { type Clock, diskFault, Fault } from '../../kit/index.ts'
import { realSys } from '../../kit/sys/index.ts'

const poll = 50
/** Milliseconds that one generator waits for another. */
const patience = 120_000

/**
 * Runs work with the generators' lock held, so that there is one at a time; those who write runs never need it. One that was killed holds
 * no lock. Throws `busy` where another one holds it for more than two minutes.
 */
export async function withLock<T>(
  file: string,
  { clock, signal }: { clock: Clock; signal: AbortSignal | undefined },
  work: () => Promise<T>,
): Promise<T> {
  const fd = openLock(file)
  try {
    const start = clock.now()
    while (!realSys.tryLock(fd, 'exclusive')) {
      if (clock.now() - start > patience) {
        throw new Fault('busy', 'another generator has been at work here for more than two minutes', {
          at: file,
          hint: 'wait for it to end, and run this again',
        })
      }
      await clock.sleep(poll, signal)
    }
    return await work()
  } finally {
    closeSync(fd)
  }
}

function openLock(file: string): number {
  try {
    return openSync(file, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o666)
  } catch (error) {
    throw diskFault(error, file, 'open the lock of generators')
  }
}
