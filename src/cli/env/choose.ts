import path from 'node:path'
import { Option } from 'commander'
import { type Config, environmentNamed, type Environments, environmentsOf, noneConfigured } from '../../config/index.ts'
import type { EnvironmentContext } from '../../environments/index.ts'
import { compareKeys, Fault } from '../../kit/index.ts'
import type { Call } from '../command.ts'

/*
 * One form for all commands: the words are the environment, then what is in it. The environment may be left out where there is
 * one, so the first word is the environment where one has that name, and a snapshot otherwise; --env and --snapshot leave no doubt.
 */

export const environmentArgument = ['[env]', 'the environment; may be left out where there is one'] as const

export const snapshotArguments = [
  environmentArgument,
  ['[snapshot]', 'the snapshot (default: what `snapshot_name` says, which is clean_state)'],
] as const

export interface EnvironmentFlag {
  readonly env?: string
}

export interface SnapshotFlag extends EnvironmentFlag {
  readonly snapshot?: string
}

export function environmentOption(): Option {
  return new Option('--env <name>', 'the environment, as the first word')
}

export function snapshotOptions(): Option[] {
  return [environmentOption(), new Option('--snapshot <name>', 'the snapshot, as the word after it')]
}

/** The options of the whole group. */
interface GroupFlags {
  readonly stageConfig?: string
}

export function stageConfigOption(): Option {
  return new Option('--stage-config <file>', 'the environment of this stage-env.cfg, whatever holdfast.toml says')
}

/** The environment that is named, or the only one. */
export async function chooseEnvironment(call: Call<EnvironmentFlag>): Promise<EnvironmentContext> {
  const wire = await call.wire()
  return await wire.environment(environmentNamed(await allOf(call, wire.config), wire.config, nameFrom(call)))
}

/** The one that is named, or all. */
export async function chooseEnvironments(call: Call<EnvironmentFlag>): Promise<EnvironmentContext[]> {
  if (nameFrom(call) !== undefined) return [await chooseEnvironment(call)]
  const wire = await call.wire()
  const all = await allOf(call, wire.config)
  if (Object.keys(all).length === 0) throw noneConfigured(wire.config)
  const sorted = Object.entries(all).toSorted(([a], [b]) => compareKeys(a, b))
  return await Promise.all(sorted.map(([, each]) => wire.environment(each)))
}

/** The environment, and the snapshot where one is named. */
export async function chooseSnapshot(
  call: Call<SnapshotFlag>,
): Promise<{ readonly context: EnvironmentContext; readonly snapshot: string | undefined }> {
  const { context, words } = await chooseWords(call, 1)
  const { snapshot } = call.options
  if (snapshot !== undefined && words.length > 0) throw namedTwice('snapshot', snapshot, words[0]!)
  return { context, snapshot: snapshot ?? words[0] }
}

/** The environment, and the words that follow it, `most` at most. */
export async function chooseWords(
  call: Call<EnvironmentFlag>,
  most: number,
): Promise<{ readonly context: EnvironmentContext; readonly words: readonly string[] }> {
  const wire = await call.wire()
  const all = await allOf(call, wire.config)
  const words = call.args.filter((word) => word !== undefined)
  const isNamed = call.options.env === undefined && words.length > 0 && (Object.hasOwn(all, words[0]!) || Object.keys(all).length > 1)
  const name = isNamed ? words.shift() : call.options.env
  const context = await wire.environment(environmentNamed(all, wire.config, name))
  if (words.length <= most) return { context, words }
  if (call.options.env !== undefined) throw namedTwice('environment', call.options.env, words[0]!)
  throw new Fault('invalid', `there is no environment ${JSON.stringify(words[0])}`, {
    hint: `the words are the environment, which may be left out, then the snapshot; there is: ${Object.keys(all).join(', ')}`,
  })
}

function nameFrom({ args, options }: Call<EnvironmentFlag>): string | undefined {
  if (options.env !== undefined && args[0] !== undefined) throw namedTwice('environment', options.env, args[0])
  return options.env ?? args[0]
}

function namedTwice(what: string, one: string, other: string): Fault {
  return new Fault('invalid', `the ${what} is named twice: ${one} and ${other}`, {
    hint: `leave the word out, or --${what === 'snapshot' ? what : 'env'}`,
  })
}

async function allOf(call: Call<object>, config: Config): Promise<Environments> {
  const { stageConfig } = call.options as GroupFlags
  return await environmentsOf(config, call.report, stageConfig === undefined ? undefined : path.resolve(call.host.cwd, stageConfig))
}
