import { Option } from 'commander'
import { indexEnvironment } from '../../config/index.ts'
import { Fault } from '../../kit/index.ts'
import { detectPrefixes, type IndexContext, type IndexEnvironment } from '../../python-index/index.ts'
import { agree } from '../agree.ts'
import type { Call } from '../command.ts'

/** What all commands on an index have. */
export interface IndexFlags {
  readonly env?: string
}

export function environmentOption(): Option {
  return new Option('--env <name>', 'the environment, of [index.env.NAME]; without it the one of S3_BUCKET_PY, or [index] itself')
}

export async function chosenEnvironment(call: Call<IndexFlags>): Promise<IndexEnvironment> {
  const { index, file } = await call.config()
  const { S3_BUCKET_PY, CUSTOM_PREFIX } = call.host.env
  return indexEnvironment(index, file, call.options.env, { S3_BUCKET_PY, CUSTOM_PREFIX })
}

export async function indexContext(call: Call<IndexFlags>): Promise<IndexContext> {
  return await (await call.wire()).pythonIndex(await chosenEnvironment(call))
}

export interface PrefixFlags {
  readonly autoDetectPrefixes?: boolean
  readonly startingFrom?: string
}

export const prefixesArgument = ['[prefixes...]', '`all`, or indexes of the bucket such as v2/gfx94X-dcgpu'] as const

export function prefixOptions(): Option[] {
  return [
    new Option('--auto-detect-prefixes', 'every folder of the bucket that holds wheels is an index'),
    new Option('--starting-from <prefix>', 'with --auto-detect-prefixes: only folders below this one, such as v2/'),
  ]
}

/** As people write it: `v2/gfx94X-dcgpu/` too. */
export function prefixFrom(text: string | undefined): string {
  return (text ?? '').replace(/^\/+|\/+$/g, '')
}

/** With --auto-detect-prefixes the folders of the bucket that hold wheels, else undefined. `isNamed`: prefixes are named as well. */
export async function detectedPrefixes(call: Call<PrefixFlags>, context: IndexContext, isNamed: boolean): Promise<string[] | undefined> {
  const { autoDetectPrefixes, startingFrom } = call.options
  if (autoDetectPrefixes !== true) {
    if (startingFrom === undefined) return undefined
    throw new Fault('invalid', '--starting-from says where to look, and nothing is looked for', { hint: 'add --auto-detect-prefixes' })
  }
  if (isNamed)
    throw new Fault('invalid', 'prefixes are either named or detected', { hint: 'leave out the names, or --auto-detect-prefixes' })
  const found = await detectPrefixes(context, startingFrom ?? '')
  if (found.length > 0) return found
  throw new Fault('nothing-to-do', `no folder below ${JSON.stringify(startingFrom ?? '')} holds wheels`, {
    at: context.bucket.name,
    hint: 'check --starting-from and the bucket',
  })
}

/** `all` and nothing mean those of the configuration, and of targets below them. */
export async function chosenPrefixes(call: Call<PrefixFlags>, context: IndexContext): Promise<string[]> {
  const named = call.args.flatMap((arg) => (arg === undefined ? [] : [prefixFrom(arg)]))
  const isAll = named.length === 0 || (named.length === 1 && named[0] === 'all')
  const detected = await detectedPrefixes(call, context, !isAll)
  if (detected !== undefined) return detected
  if (!isAll) return [...new Set(named)]
  const { prefixes, dependencies } = context.environment
  if (prefixes.length === 0) {
    throw new Fault('invalid', 'no prefixes are configured', {
      hint: 'set `prefixes` under [index], name them after the command, or add --auto-detect-prefixes',
    })
  }
  const targets = [...new Set(dependencies.flatMap(({ target }) => target ?? []))]
  return [...new Set(prefixes.flatMap((prefix) => [prefix, ...targets.map((target) => `${prefix}/${target}`)]))]
}

/**
 * Before something in a protected environment changes: shows the plan that `lines` gives and asks. An empty plan asks nothing.
 * Throws `aborted` where the answer is no.
 */
export async function agreeIfProtected(
  call: Call<object>,
  { environment }: Pick<IndexContext, 'environment'>,
  lines: () => Promise<readonly string[]>,
): Promise<void> {
  if (!environment.isProtected || call.options.yes === true || call.options.dryRun === true) return
  const planned = await lines()
  if (planned.length === 0) return
  const where = environment.name === 'default' ? environment.bucket : `${environment.name} (${environment.bucket})`
  await agree(call, `WARNING: this changes what ${where} publishes`, planned)
}
