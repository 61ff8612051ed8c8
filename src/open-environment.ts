import path from 'node:path'
import { environmentNamed, environmentsOf, loadConfig } from './config/index.ts'
import type { EnvironmentConfig } from './config/index.ts'
import type { EnvironmentContext, EnvironmentSettings } from './environments/index.ts'
import { type Clock, Fault, type Report, silent, systemClock } from './kit/index.ts'
import { openWire, type Wire } from './wire/index.ts'

/**
 * Which environment: that of `path`, or of a `stageConfig`, or the one that holdfast.toml has under `name`. Settings that are
 * given here win over those of the file; of `hooks`, each one alone.
 */
export interface OpenEnvironmentOptions extends Partial<EnvironmentSettings> {
  /** The live directory of an environment that no file describes. */
  readonly path?: string | undefined
  /** Beside the live directory where nothing is said: `.<its name>.snapshots`. */
  readonly snapshotsDir?: string | undefined
  /** A stage-env.cfg. */
  readonly stageConfig?: string | undefined
  /** A holdfast.toml. Without it, it is searched from `cwd` upwards. */
  readonly config?: string | undefined
  /** May be left out where holdfast.toml has one environment. With `path`, what messages call it: the name of the directory, if nothing is said. */
  readonly name?: string | undefined
  /** Where relative paths count from: the working directory of this process. */
  readonly cwd?: string | undefined
  /** Of this process. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
  readonly clock?: Clock | undefined
  readonly random?: (() => number) | undefined
  /** Gets what commands would say. Nobody does, if nothing is said. */
  readonly report?: Report | undefined
  readonly signal?: AbortSignal | undefined
}

/** What the functions of `holdfast/environments`, and its `SnapshotManager`, work on. */
export interface OpenedEnvironment extends EnvironmentContext, AsyncDisposable {
  /** Closes the store that the mode `store` has opened. */
  close(): Promise<void>
}

/** Opens an environment for a program, as the command line does for a command. Touches nothing of it. Throws `invalid` for what it cannot be. */
export async function openEnvironment(options: OpenEnvironmentOptions = {}): Promise<OpenedEnvironment> {
  const around = surroundingsOf(options)
  let wire: Promise<Wire> | undefined
  const wired = () => (wire ??= openWireOf(options, around))
  const { name, path: live, root, snapshotsDir, settings } = await sourceOf(options, around, wired)
  const { modeLookup } = await import('./environments/index.ts')
  const { env, clock, random, report, signal } = around
  const snapshots = async () => await (await wired()).snapshots()
  const close = async () => await (await wire)?.close()
  const modes = modeLookup({ environment: name, env, clock, snapshots })
  return { name, live, root, snapshotsDir, settings, modes, env, clock, random, report, signal, close, [Symbol.asyncDispose]: close }
}

type Surroundings = ReturnType<typeof surroundingsOf>

function surroundingsOf({ cwd, env, clock, random, report, signal }: OpenEnvironmentOptions) {
  return {
    cwd: path.resolve(cwd ?? '.'),
    env: env ?? process.env,
    clock: clock ?? systemClock,
    random: random ?? Math.random,
    report: report ?? silent,
    signal,
  }
}

async function openWireOf({ config: file }: OpenEnvironmentOptions, { cwd, ...around }: Surroundings): Promise<Wire> {
  const config = await loadConfig({ cwd, env: around.env, file })
  return await openWire({ config, ...around })
}

async function sourceOf(options: OpenEnvironmentOptions, around: Surroundings, wired: () => Promise<Wire>): Promise<EnvironmentConfig> {
  const { stageConfig, config, name } = options
  const given = Object.entries({ path: options.path, stageConfig, config }).filter(([, value]) => value !== undefined)
  if (given.length > 1) {
    throw new Fault('invalid', `an environment is told by one of: ${given.map(([key]) => key).join(', ')}`, {
      hint: 'leave the others out',
    })
  }
  const found = options.path === undefined ? await configured() : await plain(options.path)
  const snapshotsDir = options.snapshotsDir === undefined ? found.snapshotsDir : path.resolve(around.cwd, options.snapshotsDir)
  return { ...found, snapshotsDir, settings: await settingsOf(options, found.settings) }

  async function configured(): Promise<EnvironmentConfig> {
    const wire = await wired()
    const file = stageConfig === undefined ? undefined : path.resolve(around.cwd, stageConfig)
    return environmentNamed(await environmentsOf(wire.config, around.report, file), wire.config, name)
  }

  async function plain(written: string): Promise<EnvironmentConfig> {
    if (written === '') throw new Fault('invalid', 'the path of an environment is empty', { hint: 'name its live directory' })
    const { defaultSettings } = await import('./environments/index.ts')
    const live = path.resolve(around.cwd, written)
    const base = path.basename(live)
    return { name: name ?? base, path: live, snapshotsDir: path.join(path.dirname(live), `.${base}.snapshots`), settings: defaultSettings }
  }
}

async function settingsOf(options: OpenEnvironmentOptions, found: EnvironmentSettings): Promise<EnvironmentSettings> {
  const { defaultSettings, snapshotModes } = await import('./environments/index.ts')
  const known = new Set([...Object.keys(defaultSettings), 'cleanup', 'waitLimit'])
  const given = Object.fromEntries(Object.entries(options).filter(([key, value]) => known.has(key) && value !== undefined))
  const settings: EnvironmentSettings = { ...found, ...given, hooks: { ...found.hooks, ...options.hooks } }
  if (settings.mode === 'auto' || snapshotModes.includes(settings.mode)) return settings
  throw new Fault('invalid', `there is no mode ${JSON.stringify(settings.mode)}`, {
    hint: `choose one of: auto, ${snapshotModes.join(', ')}`,
  })
}
