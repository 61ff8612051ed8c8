import { beginSuite, type Restored, type RestoreOptions, restoreSnapshot, type Suite } from '../environments/index.ts'
import { asFault, explain, Fault, type Report } from '../kit/index.ts'
import { openEnvironment, type OpenedEnvironment, type OpenEnvironmentOptions } from '../open-environment.ts'

/** Which environment, which snapshot, and how. What is said goes to stderr, if there is no `report`. */
export interface CleanOptions extends OpenEnvironmentOptions, RestoreOptions {}

/** Where a test runner takes what is to be done before and after a suite: `beforeAll` and `afterAll`, however it calls them. */
export interface RunnerHooks {
  readonly before: (work: () => Promise<void>) => unknown
  readonly after: (work: () => Promise<void>) => unknown
}

/** The environment of a suite, once that has begun. */
export interface CleanEnvironment {
  readonly environment: OpenedEnvironment
  /** The last restore: mode, milliseconds, bytes. */
  readonly restored: Restored
  /** Gives it back once more, within the suite. */
  restore(): Promise<Restored>
}

/**
 * Gives an environment back before the suite that is being described, which has it until it ends. Where that fails, the suite
 * fails with what happened, to what, and what to do.
 */
export function restoreAround({ before, after }: RunnerHooks, options: CleanOptions = {}): CleanEnvironment {
  let opened: OpenedEnvironment | undefined
  let suite: Suite | undefined
  let restored: Restored | undefined
  const { snapshot, verify, checksum, force } = options
  const how: RestoreOptions = { snapshot, verify, checksum, force }
  before(async () => {
    await clearly(async () => {
      opened = await openEnvironment({ ...options, report: options.report ?? sayOnStderr })
      suite = await beginSuite(opened, how)
      restored = suite.restored
    })
  })
  after(async () => {
    await suite?.end()
    await opened?.close()
  })
  return {
    get environment() {
      return begun(opened)
    },
    get restored() {
      return begun(restored)
    },
    restore: async () => await clearly(async () => (restored = await restoreSnapshot(begun(opened), how))),
  }
}

function begun<T>(value: T | undefined): T {
  if (value !== undefined) return value
  throw new Fault('invalid', 'the suite has not begun: its environment is not given back yet', { hint: 'use it in tests and hooks' })
}

/** Runners show the message of an error and no more of it. */
async function clearly<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const fault = asFault(error)
    throw new Fault(fault.code, `no clean environment for this suite: ${explain(fault)}`, { cause: error })
  }
}

const sayOnStderr: Report = (event) => {
  if (event.kind === 'note') process.stderr.write(`holdfast: ${event.text.replaceAll(/\p{Cc}/gu, ' ')}\n`)
}
