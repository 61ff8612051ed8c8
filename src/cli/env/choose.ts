import path from 'node:path'
import { Option } from 'commander'
import type { Config, EnvironmentConfig } from '../../config/index.ts'
import type { EnvironmentContext } from '../../environments/index.ts'
import { compareKeys, Fault, readSmallFile } from '../../kit/index.ts'
import type { Call } from '../command.ts'

export const environmentArgument = ['[env]', 'the environment of holdfast.toml; may be left out where there is one'] as const

export interface SnapshotFlag {
  readonly snapshot?: string
}

export function snapshotOption(): Option {
  return new Option('--snapshot <name>', 'the snapshot (default: what `snapshot_name` says, which is clean_state)')
}

/** The options of the whole group. */
interface GroupFlags {
  readonly stageConfig?: string
}

export function stageConfigOption(): Option {
  return new Option('--stage-config <file>', 'the environment of this stage-env.cfg, whatever holdfast.toml says')
}

/** The environment that is named, or the only one. */
export async function chooseEnvironment(call: Call<object>, name: string | undefined): Promise<EnvironmentContext> {
  const wire = await call.wire()
  return await wire.environment(environmentNamed(await environmentsOf(call, wire.config), wire.config, name))
}

/** The one that is named, or all. */
export async function chooseEnvironments(call: Call<object>, name: string | undefined): Promise<EnvironmentContext[]> {
  if (name !== undefined) return [await chooseEnvironment(call, name)]
  const wire = await call.wire()
  const all = await environmentsOf(call, wire.config)
  if (Object.keys(all).length === 0) throw noneConfigured(wire.config)
  const sorted = Object.entries(all).toSorted(([a], [b]) => compareKeys(a, b))
  return await Promise.all(sorted.map(([, each]) => wire.environment(each)))
}

type Environments = Config['env']

const stageFile = 'stage-env.cfg'

/** Those of holdfast.toml; where it has none, that of a stage-env.cfg beside it. */
async function environmentsOf(call: Call<object>, config: Config): Promise<Environments> {
  const { stageConfig } = call.options as GroupFlags
  if (stageConfig !== undefined) return await stageEnvironment(call, path.resolve(call.host.cwd, stageConfig))
  const file = path.join(config.root, stageFile)
  if (Object.keys(config.env).length > 0 || (await readSmallFile(file)) === undefined) return config.env
  call.report({ kind: 'note', level: 'info', text: `the environment is that of ${file}` })
  return await stageEnvironment(call, file)
}

async function stageEnvironment(call: Call<object>, file: string): Promise<Environments> {
  const { readStageConfig } = await import('../../environments/index.ts')
  const { live, snapshotsDir, settings, unknown } = await readStageConfig(file)
  for (const key of unknown) call.report({ kind: 'note', level: 'warning', text: `${file}: ${key} means nothing here` })
  return { stage: { name: 'stage', path: live, snapshotsDir, settings } }
}

function environmentNamed(all: Environments, config: Config, name: string | undefined): EnvironmentConfig {
  const names = Object.keys(all).toSorted(compareKeys)
  if (names.length === 0) throw noneConfigured(config)
  const chosen = name ?? (names.length === 1 ? names[0] : undefined)
  if (chosen === undefined) {
    throw new Fault('invalid', `which environment? ${config.file ?? 'holdfast.toml'} has: ${names.join(', ')}`, {
      hint: 'name it after the command',
    })
  }
  const found = Object.hasOwn(all, chosen) ? all[chosen] : undefined
  if (found !== undefined) return found
  throw new Fault('invalid', `there is no environment ${JSON.stringify(chosen)}`, {
    hint: `choose one of: ${names.join(', ')}; or add [env.${chosen}] to ${config.file ?? 'holdfast.toml'}; a snapshot is named with --snapshot`,
  })
}

function noneConfigured({ file }: Config): Fault {
  return new Fault('invalid', 'no environment is configured', {
    at: file,
    hint:
      file === undefined
        ? 'run `holdfast init` and set `path` under [env.NAME]'
        : 'add a table [env.NAME] with `path`, the directory that is given back',
  })
}
