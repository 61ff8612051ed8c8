import path from 'node:path'
import { Option } from 'commander'
import { type Config, environmentNamed, type Environments, environmentsOf, noneConfigured } from '../../config/index.ts'
import type { EnvironmentContext } from '../../environments/index.ts'
import { compareKeys } from '../../kit/index.ts'
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
  return await wire.environment(environmentNamed(await allOf(call, wire.config), wire.config, name))
}

/** The one that is named, or all. */
export async function chooseEnvironments(call: Call<object>, name: string | undefined): Promise<EnvironmentContext[]> {
  if (name !== undefined) return [await chooseEnvironment(call, name)]
  const wire = await call.wire()
  const all = await allOf(call, wire.config)
  if (Object.keys(all).length === 0) throw noneConfigured(wire.config)
  const sorted = Object.entries(all).toSorted(([a], [b]) => compareKeys(a, b))
  return await Promise.all(sorted.map(([, each]) => wire.environment(each)))
}

async function allOf(call: Call<object>, config: Config): Promise<Environments> {
  const { stageConfig } = call.options as GroupFlags
  return await environmentsOf(config, call.report, stageConfig === undefined ? undefined : path.resolve(call.host.cwd, stageConfig))
}
