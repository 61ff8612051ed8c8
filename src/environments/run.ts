import { Fault, run } from '../kit/index.ts'
import type { EnvironmentContext } from './context.ts'
import { createSnapshot } from './create.ts'
import { variablesOf } from './hooks.ts'
import { resolvePlace } from './places.ts'
import { findRecord } from './record.ts'
import { type Restored, restoreSnapshot, type RestoreOptions } from './restore.ts'

export interface RunSuitesOptions extends RestoreOptions {
  /** `{suite}` in an argument stands for the suite's name; HOLDFAST_ENV_SUITE has it too. */
  readonly command: readonly [string, ...string[]]
  /** The command runs once for each, with a restore before each; without any it runs once. */
  readonly suites?: readonly string[] | undefined
  /** Where the command runs. */
  readonly cwd: string
  /** Gets what the command prints. */
  readonly onOutput?: (piece: Buffer, from: 'stdout' | 'stderr') => void
  /** Called as each suite ends. */
  readonly onSuite?: (suite: SuiteRun) => void
}

export interface SuiteRun {
  /** Undefined where no suites were named. */
  readonly suite: string | undefined
  readonly restored: Restored
  /** Of the command. */
  readonly milliseconds: number
  readonly status: number
}

/** Restores, runs, and does so for each suite; where the clean snapshot is meant and there is none yet, it is made first, if the settings want that. A suite that fails is told in the result, and the next one runs; a restore that fails is thrown. */
export async function runSuites(context: EnvironmentContext, options: RunSuitesOptions): Promise<SuiteRun[]> {
  const { suites = [], snapshot, verify, checksum, force } = options
  const twice = suites.find((suite, index) => suites.indexOf(suite) !== index)
  if (twice !== undefined) throw new Fault('invalid', `the suite ${JSON.stringify(twice)} is named twice`)
  if (snapshot === undefined) await createWhereMissing(context)
  const runs: SuiteRun[] = []
  for (const suite of suites.length === 0 ? [undefined] : suites) {
    const restored = await restoreSnapshot(context, { snapshot, verify, checksum, force })
    const done = await runSuite(context, options, suite, restored)
    options.onSuite?.(done)
    runs.push(done)
  }
  return runs
}

/** Only the clean snapshot is made unasked: another name that is not there is a mistake. */
export async function createWhereMissing(context: EnvironmentContext): Promise<void> {
  const { autoCreateOnStartup, mode, snapshotName } = context.settings
  if (!autoCreateOnStartup || mode === 'disabled') return
  const { snapshotsDir } = await resolvePlace(context)
  if ((await findRecord(snapshotsDir, snapshotName)) !== undefined) return
  context.report({
    kind: 'note',
    level: 'info',
    text: `${context.name} has no snapshot ${snapshotName} yet: it is made of what is there now`,
  })
  const { record, why } = await createSnapshot(context)
  if (why !== undefined) {
    context.report({ kind: 'note', level: 'info', text: `${context.name} is kept in the mode ${record.mode}: ${why}` })
  }
}

async function runSuite(
  context: EnvironmentContext,
  { command, cwd, onOutput }: RunSuitesOptions,
  suite: string | undefined,
  restored: Restored,
): Promise<SuiteRun> {
  const { live, snapshotsDir } = await resolvePlace(context)
  const { name: environment, signal, clock } = context
  const moment = { hook: 'suite', environment, path: live, snapshot: restored.snapshot, snapshotsDir, mode: restored.mode } as const
  const [program, ...args] = command.map((part) => (suite === undefined ? part : part.replaceAll('{suite}', suite)))
  const begun = clock.now()
  const { status } = await run([program!, ...args], {
    cwd,
    env: { ...context.env, ...variablesOf(moment), ...(suite === undefined ? {} : { HOLDFAST_ENV_SUITE: suite }) },
    signal,
    ...(onOutput === undefined ? {} : { onOutput }),
  })
  return { suite, restored, milliseconds: clock.now() - begun, status }
}
