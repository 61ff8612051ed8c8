import { Fault, isFault } from '../kit/index.ts'
import type { EnvironmentContext } from './context.ts'
import { withLock } from './lock.ts'
import { layoutOf } from './names.ts'
import { resolvePlace } from './places.ts'
import { type Restored, restoreSnapshot, type RestoreOptions } from './restore.ts'
import { createWhereMissing } from './run.ts'
import { assertWritable, isAnythingKept } from './session.ts'

/** A test suite that has an environment for itself. */
export interface Suite {
  readonly restored: Restored
  /** From then on others may begin. */
  end(): Promise<void>
}

/**
 * Gives an environment back for one suite, which has it until it ends: other suites wait for that, or are `busy`, as the
 * settings say. Where the clean snapshot is meant and there is none yet, it is made first, if the settings want that.
 */
export async function beginSuite(context: EnvironmentContext, options: RestoreOptions = {}): Promise<Suite> {
  const release = await claim(context)
  try {
    if (options.snapshot === undefined) await createWhereMissing(context)
    return { restored: await restoreSnapshot(context, options), end: release }
  } catch (error) {
    await release()
    throw error
  }
}

/** What this thread has claimed: it would wait for itself. */
const claimed = new Set<string>()

async function claim(context: EnvironmentContext): Promise<() => Promise<void>> {
  const place = await resolvePlace(context)
  // A path that was mistyped leaves no folder behind.
  isAnythingKept(context.name, place)
  const { home, suiteLock } = layoutOf(place.snapshotsDir)
  if (claimed.has(suiteLock)) throw inTheWay(context.name, 'this process has begun a suite that has not ended')
  claimed.add(suiteLock)
  try {
    assertWritable(home)
    const unlock = await lockUntil(context, suiteLock)
    return async () => {
      if (claimed.delete(suiteLock)) await unlock()
    }
  } catch (error) {
    claimed.delete(suiteLock)
    if (isFault(error, 'busy')) throw inTheWay(context.name, 'another suite has it now', error)
    throw error
  }
}

/** Has the lock when it resolves, and lets it go when what it gives is called. */
async function lockUntil({ name, settings, clock, signal, report }: EnvironmentContext, file: string): Promise<() => Promise<void>> {
  const onWait = () => report({ kind: 'note', level: 'info', text: `waiting for another suite on the environment ${name}` })
  const { onBusy, waitLimit: limit } = settings
  const had = Promise.withResolvers<void>()
  const ended = Promise.withResolvers<void>()
  const held = withLock({ file, name, onBusy, limit, clock, signal, onWait }, async () => {
    had.resolve()
    await ended.promise
  })
  // Where it cannot be had.
  await Promise.race([had.promise, held])
  return async () => {
    ended.resolve()
    await held
  }
}

function inTheWay(environment: string, why: string, cause?: Fault): Fault {
  return new Fault('busy', `no suite can begin on ${environment}: ${why}`, {
    hint: 'run suites on one environment one after the other, or give each a copy of its own: holdfast env clone',
    cause,
  })
}
