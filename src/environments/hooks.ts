import { rm } from 'node:fs/promises'
import path from 'node:path'
import { asFault, type Clock, Fault, isFault, readSmallFile, type Report, run, throwIfAborted, makeDirectories } from '../kit/index.ts'
import { layoutOf } from './names.ts'

/** A shell line, or a function of the environment's owner. Throwing, or a status other than 0, is a failure. */
export type Hook = string | ((moment: HookMoment) => Promise<void> | void)

/** What the owner of an environment does around its creates and restores. */
export interface Hooks {
  /** Brings what writes into the environment to rest. */
  readonly beforeCreate?: Hook | undefined
  readonly afterCreate?: Hook | undefined
  /** Stops what runs in the environment. */
  readonly beforeRestore?: Hook | undefined
  /** Starts it again. */
  readonly afterRestore?: Hook | undefined
  /** Tried until it succeeds, after `afterRestore`. */
  readonly health?: Hook | undefined
  /** Milliseconds that it may take to be healthy; a minute where nothing is said. */
  readonly healthLimit?: number | undefined
}

export type HookName = Exclude<keyof Hooks, 'healthLimit'>

/** What a hook is told; a shell line reads it as HOLDFAST_ENV_HOOK, _NAME, _PATH, _SNAPSHOT, _SNAPSHOTS_DIR and _MODE. */
export interface HookMoment {
  readonly hook: HookName | 'cleanup' | 'suite'
  readonly environment: string
  readonly path: string
  readonly snapshot: string
  readonly snapshotsDir: string
  readonly mode: string
  readonly signal?: AbortSignal | undefined
}

interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly clock: Clock
  /** `Place.lock` */
  readonly lock?: number | undefined
}

export function variablesOf(moment: HookMoment): Record<string, string> {
  return {
    HOLDFAST_ENV_HOOK: moment.hook,
    HOLDFAST_ENV_NAME: moment.environment,
    HOLDFAST_ENV_PATH: moment.path,
    HOLDFAST_ENV_SNAPSHOT: moment.snapshot,
    HOLDFAST_ENV_SNAPSHOTS_DIR: moment.snapshotsDir,
    HOLDFAST_ENV_MODE: moment.mode,
  }
}

/** Runs a hook, where there is one. Throws `unavailable` with the end of what it printed. */
export async function runHook(hooks: Hooks, moment: HookMoment & { readonly hook: HookName }, surroundings: Surroundings): Promise<void> {
  const hook = hooks[moment.hook]
  if (hook === undefined) return
  if (typeof hook === 'string') return await runLine(hook, moment, surroundings)
  try {
    await hook(moment)
  } catch (error) {
    if (isFault(error)) throw error
    throw new Fault('unavailable', `the ${moment.hook} hook of ${moment.environment} failed`, { cause: error })
  }
}

/** Runs it after something else has failed, which is what counts: its own failure is only told. */
export async function runHookAnyway(
  hooks: Hooks,
  moment: HookMoment & { readonly hook: HookName },
  surroundings: Surroundings & { readonly report: Report },
): Promise<void> {
  try {
    await runHook(hooks, moment, surroundings)
  } catch (error) {
    surroundings.report({ kind: 'note', level: 'warning', text: asFault(error).message })
  }
}

/** Waits until the health hook succeeds. Throws `unavailable` with its last failure where that takes too long. */
export async function awaitHealth(hooks: Hooks, moment: Omit<HookMoment, 'hook'>, surroundings: Surroundings): Promise<void> {
  if (hooks.health === undefined) return
  const { clock } = surroundings
  const limit = hooks.healthLimit ?? 60_000
  const begun = clock.now()
  for (let pause = 20; ; pause = Math.min(1000, pause * 2)) {
    throwIfAborted(moment.signal)
    try {
      return await runHook(hooks, { ...moment, hook: 'health' }, surroundings)
    } catch (error) {
      if (isFault(error, 'aborted')) throw error
      const waited = clock.now() - begun
      if (waited < limit) {
        await clock.sleep(Math.min(pause, limit - waited), moment.signal)
        continue
      }
      throw new Fault('unavailable', `${moment.environment} was not healthy within ${limit} ms after the restore`, {
        hint: 'look at what it logs, or give it longer',
        cause: asFault(error),
      })
    }
  }
}

/**
 * Runs a shell line in the live directory's parent. What it prints goes to a log beside the snapshots and not into a pipe, so
 * that a server which the line starts in the background is not waited for.
 */
export async function runLine(line: string, moment: HookMoment, { env, lock }: Surroundings): Promise<void> {
  const log = path.join(layoutOf(moment.snapshotsDir).logs, `${moment.hook}.log`)
  await makeDirectories(path.dirname(log))
  await rm(log, { force: true })
  // The shell holds the lock as long as the line runs, also where this process is killed; what the line leaves running does not.
  const script = `exec >>"$HOLDFAST_ENV_LOG" 2>&1\n(\n${line}\n) 3>&-\nexit $?\n`
  const { status } = await run(['/bin/sh', '-c', script], {
    holds: lock,
    cwd: path.dirname(moment.path),
    env: { ...env, ...variablesOf(moment), HOLDFAST_ENV_LOG: log },
    signal: moment.signal,
  })
  if (status === 0) return
  const printed = (await readSmallFile(log).catch(() => undefined))?.trimEnd().split('\n').slice(-10).join('\n') ?? ''
  const what = moment.hook === 'cleanup' ? 'clean-up command' : `${moment.hook} hook`
  throw new Fault(
    'unavailable',
    `the ${what} of ${moment.environment} ended with status ${status}${printed === '' ? '' : `:\n${printed}`}`,
    {
      at: line,
      hint: `all that it printed is in ${log}`,
    },
  )
}
