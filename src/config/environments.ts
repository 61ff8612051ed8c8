import path from 'node:path'
import { compareKeys, Fault, readSmallFile, type Report } from '../kit/index.ts'
import type { EnvironmentConfig } from './environment-settings.ts'
import type { Config } from './load.ts'

export type Environments = Config['env']

const stageFile = 'stage-env.cfg'

/** Those of holdfast.toml; where it has none, that of a stage-env.cfg beside it. The one of `stageConfig`, where that is named. */
export async function environmentsOf(config: Config, report: Report, stageConfig?: string): Promise<Environments> {
  if (stageConfig !== undefined) return await stageEnvironment(stageConfig, report)
  const file = path.join(config.root, stageFile)
  if (Object.keys(config.env).length > 0 || (await readSmallFile(file)) === undefined) return config.env
  report({ kind: 'note', level: 'info', text: `the environment is that of ${file}` })
  return await stageEnvironment(file, report)
}

async function stageEnvironment(file: string, report: Report): Promise<Environments> {
  const { readStageConfig } = await import('../environments/index.ts')
  const { live, snapshotsDir, settings, unknown } = await readStageConfig(file)
  for (const key of unknown) report({ kind: 'note', level: 'warning', text: `${file}: ${key} means nothing here` })
  return { stage: { name: 'stage', path: live, root: path.dirname(path.resolve(file)), snapshotsDir, settings } }
}

/** The one that is named, or the only one. Throws `invalid` and says which there are. */
export function environmentNamed(all: Environments, config: Config, name: string | undefined): EnvironmentConfig {
  const names = Object.keys(all).toSorted(compareKeys)
  if (names.length === 0) throw noneConfigured(config)
  const chosen = name ?? (names.length === 1 ? names[0] : undefined)
  if (chosen === undefined) {
    throw new Fault('invalid', `which environment? ${config.file ?? 'holdfast.toml'} has: ${names.join(', ')}`, {
      hint: 'name it: the first word after the command, or with --env',
    })
  }
  const found = Object.hasOwn(all, chosen) ? all[chosen] : undefined
  if (found !== undefined) return found
  throw new Fault('invalid', `there is no environment ${JSON.stringify(chosen)}`, {
    hint: `choose one of: ${names.join(', ')}; or add [env.${chosen}] to ${config.file ?? 'holdfast.toml'}; a snapshot follows its environment, or is named with --snapshot`,
  })
}

export function noneConfigured({ file }: Config): Fault {
  return new Fault('invalid', 'no environment is configured', {
    at: file,
    hint:
      file === undefined
        ? 'run `holdfast init` and set `path` under [env.NAME]'
        : 'add a table [env.NAME] with `path`, the directory that is given back',
  })
}
