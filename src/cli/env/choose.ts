import { Option } from 'commander'
import type { Config, EnvironmentConfig } from '../../config/index.ts'
import type { EnvironmentContext } from '../../environments/index.ts'
import { compareKeys, Fault } from '../../kit/index.ts'
import type { Call } from '../command.ts'

export const environmentArgument = ['[env]', 'the environment of holdfast.toml; may be left out where there is one'] as const

export interface SnapshotFlag {
  readonly snapshot?: string
}

export function snapshotOption(): Option {
  return new Option('--snapshot <name>', 'the snapshot (default: what `snapshot_name` says, which is clean_state)')
}

/** The environment that is named, or the only one. */
export async function chooseEnvironment(call: Call<object>, name: string | undefined): Promise<EnvironmentContext> {
  const wire = await call.wire()
  return await wire.environment(environmentNamed(wire.config, name))
}

/** The one that is named, or all. */
export async function chooseEnvironments(call: Call<object>, name: string | undefined): Promise<EnvironmentContext[]> {
  if (name !== undefined) return [await chooseEnvironment(call, name)]
  const wire = await call.wire()
  const names = Object.keys(wire.config.env).toSorted(compareKeys)
  if (names.length === 0) throw noneConfigured(wire.config)
  return await Promise.all(names.map((each) => wire.environment(wire.config.env[each]!)))
}

function environmentNamed(config: Config, name: string | undefined): EnvironmentConfig {
  const names = Object.keys(config.env).toSorted(compareKeys)
  if (names.length === 0) throw noneConfigured(config)
  const chosen = name ?? (names.length === 1 ? names[0] : undefined)
  if (chosen === undefined) {
    throw new Fault('invalid', `which environment? ${config.file ?? 'holdfast.toml'} has: ${names.join(', ')}`, {
      hint: 'name it after the command',
    })
  }
  const found = Object.hasOwn(config.env, chosen) ? config.env[chosen] : undefined
  if (found !== undefined) return found
  throw new Fault('invalid', `there is no environment ${JSON.stringify(chosen)}`, {
    hint: `choose one of: ${names.join(', ')}; or add [env.${chosen}] to ${config.file ?? 'holdfast.toml'}`,
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
