import { mkdirSync, mkdtempSync } from 'node:fs'
import path from 'node:path'
import { type Clock, silent } from '../../kit/index.ts'
import { defaultSettings, type EnvironmentContext, type EnvironmentSettings, type ModeLookup } from '../context.ts'
import type { SnapshotMode } from '../mode.ts'
import { stopEnvironment } from '../status.ts'
import type { EnvironmentCase } from './case.ts'
import { fillOddTree } from './odd-tree.ts'
import { refusalCases } from './refusals.ts'
import { sameTreeCases } from './same-tree.ts'

export const modeCases: readonly EnvironmentCase[] = [...sameTreeCases, ...refusalCases]

export interface ModeSuite {
  readonly mode: SnapshotMode
  readonly modes: ModeLookup
  /** On the file system that the mode is to be held to its promises on. */
  readonly folder: string
  /** Where the snapshots lie; beside the live directory where nothing is said. */
  readonly snapshotsFolder?: string | undefined
  readonly settings?: Partial<EnvironmentSettings> | undefined
  readonly env: EnvironmentContext['env']
  readonly clock: Clock
  readonly random: () => number
}

export interface CaseResult {
  readonly name: string
  readonly outcome: 'passed' | 'skipped' | 'failed'
  readonly error?: unknown
}

/** Runs one case in an environment of its own, and ends that. */
export async function runModeCase(test: EnvironmentCase, suite: ModeSuite): Promise<CaseResult> {
  const { name } = test
  const mode = await suite.modes(suite.mode)
  if (test.needs?.(mode) === false) return { name, outcome: 'skipped' }
  const folder = mkdtempSync(path.join(suite.folder, `${suite.mode}-`))
  const live = path.join(folder, 'live')
  const snapshotsDir =
    suite.snapshotsFolder === undefined ? path.join(folder, '.live.snapshots') : mkdtempSync(path.join(suite.snapshotsFolder, 'snapshots-'))
  mkdirSync(live)
  const context: EnvironmentContext = {
    name: 'case',
    live,
    snapshotsDir,
    settings: { ...defaultSettings, mode: suite.mode, autoCleanup: false, ...suite.settings },
    modes: suite.modes,
    env: suite.env,
    clock: suite.clock,
    random: suite.random,
    report: silent,
  }
  const failure = await failureOf(async () => {
    fillOddTree(live, suite.random)
    await test.run({ folder, live, snapshotsDir, mode, context, random: suite.random })
  })
  const leftover = await failureOf(() => stopEnvironment(context))
  const failed = failure ?? leftover
  return failed === undefined ? { name, outcome: 'passed' } : { name, outcome: 'failed', error: failed.error }
}

async function failureOf(work: () => Promise<void>): Promise<{ readonly error: unknown } | undefined> {
  try {
    await work()
    return undefined
  } catch (error) {
    return { error }
  }
}
