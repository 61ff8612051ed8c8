import { mkdir, rm, statfs } from 'node:fs/promises'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type { SnapshotContext } from '../../snapshots/index.ts'
import { asFault, Fault, formatBytes, isFault, run } from '../../kit/index.ts'
import type { EnvironmentContext } from '../context.ts'
import { copyTree } from '../copy-tree.ts'
import { createSnapshot } from '../create.ts'
import { measureTree } from '../entries.ts'
import { variablesOf } from '../hooks.ts'
import { modeLookup } from '../load-mode.ts'
import type { SnapshotMode } from '../mode.ts'
import { resolvePlace } from '../places.ts'
import { restoreSnapshot } from '../restore.ts'
import { stopEnvironment } from '../status.ts'
import { disturbTree } from './disturb.ts'

export interface BenchOptions {
  /** Suites and restores for each mode; 3 where nothing is said. */
  readonly rounds?: number | undefined
  /** A shell line in place of the played suite; HOLDFAST_ENV_PATH is the directory that it works in. */
  readonly suite?: string | undefined
  /** Where that line runs. */
  readonly cwd: string
  /** Only these. */
  readonly modes?: readonly SnapshotMode[] | undefined
  /** Opens a store at a URL: the mode `store` is tried with one beside the copies. */
  readonly openStore: (url: string) => Promise<SnapshotContext>
  /** Called as each is done. */
  readonly onRow?: ((row: BenchRow) => void) | undefined
}

/** What one way of keeping costs. All times are milliseconds, medians over the rounds. */
export type BenchRow = {
  readonly mode: SnapshotMode | 'plain'
  /** Of the filesystem mode. */
  readonly copier?: 'rsync' | 'builtin' | undefined
} & (
  | { readonly works: false; readonly why: Fault }
  | {
      readonly works: true
      readonly create?: number | undefined
      readonly stored?: number | undefined
      readonly suite: number
      /** The suite here, by the suite on a plain directory. */
      readonly slowdown: number
      readonly restore?: number | undefined
      readonly written?: number | undefined
    }
)

export interface Benched {
  readonly entries: number
  readonly bytes: number
  readonly rows: readonly BenchRow[]
}

const candidates: readonly { readonly mode: SnapshotMode; readonly copier?: 'rsync' | 'builtin' }[] = [
  { mode: 'filesystem', copier: 'rsync' },
  { mode: 'filesystem', copier: 'builtin' },
  { mode: 'squashfs' },
  { mode: 'overlay' },
  { mode: 'reflink' },
  { mode: 'volume' },
  { mode: 'store' },
]

/**
 * Tries every mode that works here on copies of the live directory, side by side: what a create, a suite and a restore cost. The
 * live directory and its snapshots are left alone; the copies lie beside it and are removed.
 */
export async function benchModes(context: EnvironmentContext, options: BenchOptions): Promise<Benched> {
  const { live } = await resolvePlace(context)
  const { entries, bytes } = await measureTree(live, context.signal)
  await assertRoom(live, bytes)
  const folder = path.join(path.dirname(live), `.${path.basename(live)}.bench-${Math.floor(context.random() * 2 ** 40).toString(36)}`)
  const rounds = options.rounds ?? 3
  const rows: BenchRow[] = []
  const tell = (row: BenchRow) => {
    rows.push(row)
    options.onRow?.(row)
  }
  try {
    const plain = await benchPlain(context, options, { live, folder, rounds })
    tell({ mode: 'plain', works: true, suite: plain, slowdown: 1 })
    for (const candidate of candidates) {
      if (options.modes !== undefined && !options.modes.includes(candidate.mode)) continue
      tell({ ...candidate, ...(await benchMode(context, options, candidate, { live, folder, rounds, plain })) })
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  return { entries, bytes, rows }
}

interface Scene {
  readonly live: string
  readonly folder: string
  readonly rounds: number
}

async function assertRoom(live: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(path.dirname(live))
  // A copy, a snapshot of it, and what a suite makes of that.
  const needed = bytes * 3
  if (bavail * bsize >= needed) return
  throw new Fault('unavailable', `trying the modes takes up to ${formatBytes(needed)}, and ${formatBytes(bavail * bsize)} are free`, {
    at: path.dirname(live),
    hint: 'free some space, or try fewer modes (--modes)',
  })
}

async function benchPlain(context: EnvironmentContext, options: BenchOptions, { live, folder, rounds }: Scene): Promise<number> {
  const copy = await freshCopy(context, live, folder)
  const times: number[] = []
  // The first one finds cold what the others find warm.
  await playSuite(context, options, copy)
  for (let round = 0; round < rounds; round++) times.push(await timed(context, () => playSuite(context, options, copy)))
  await rm(folder, { recursive: true, force: true })
  return median(times)
}

async function benchMode(
  context: EnvironmentContext,
  options: BenchOptions,
  { mode, copier }: (typeof candidates)[number],
  { live, folder, rounds, plain }: Scene & { readonly plain: number },
) {
  const copy = await freshCopy(context, live, folder)
  const settings = { ...context.settings, mode, hooks: {}, autoCleanup: false, verifyEvery: 0, ...(copier === undefined ? {} : { copier }) }
  const tried: EnvironmentContext = {
    ...context,
    name: `${context.name}-bench`,
    live: copy,
    snapshotsDir: path.join(folder, 'snapshots'),
    root: undefined,
    settings,
    modes: modeLookup({
      environment: context.name,
      env: context.env,
      clock: context.clock,
      snapshots: () => options.openStore(pathToFileURL(path.join(folder, 'store')).href),
    }),
    report: () => undefined,
  }
  try {
    const created = await createSnapshot(tried, { snapshot: 'bench' })
    // The first restore of an index learns what is there.
    await restoreSnapshot(tried, { snapshot: 'bench' })
    const suites: number[] = []
    const restores: number[] = []
    const written: number[] = []
    for (let round = 0; round < rounds; round++) {
      suites.push(await timed(context, () => playSuite(tried, options, copy)))
      const restored = await restoreSnapshot(tried, { snapshot: 'bench' })
      restores.push(restored.milliseconds)
      written.push(restored.written)
    }
    const suite = median(suites)
    const { stored } = created.record.kept
    const costs = {
      create: created.milliseconds,
      stored,
      suite,
      slowdown: suite / plain,
      restore: median(restores),
      written: median(written),
    }
    return { works: true, ...costs } as const
  } catch (error) {
    const fault = asFault(error)
    if (isFault(fault, 'aborted') || isFault(fault, 'bug')) throw fault
    return { works: false, why: fault } as const
  } finally {
    await stopEnvironment(tried)
    await rm(folder, { recursive: true, force: true })
  }
}

async function freshCopy({ signal }: EnvironmentContext, live: string, folder: string): Promise<string> {
  await rm(folder, { recursive: true, force: true })
  const copy = path.join(folder, 'live')
  await mkdir(folder)
  await copyTree(live, copy, 'copy', signal)
  return copy
}

async function playSuite(context: EnvironmentContext, { suite, cwd }: BenchOptions, live: string): Promise<void> {
  if (suite === undefined) return void (await disturbTree(live, context.random, context.signal))
  const { name: environment, snapshotsDir, signal } = context
  const moment = { hook: 'suite', environment, path: live, snapshot: 'bench', snapshotsDir, mode: context.settings.mode } as const
  const { status, tail } = await run(suite, { cwd, env: { ...context.env, ...variablesOf(moment) }, signal })
  if (status !== 0) throw new Fault('invalid', `the suite ended with status ${status}:\n${tail.slice(-10).join('\n')}`, { at: suite })
}

async function timed({ clock }: EnvironmentContext, work: () => Promise<void>): Promise<number> {
  const begun = clock.now()
  await work()
  return clock.now() - begun
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}
