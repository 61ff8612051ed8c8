import { type Command, Option } from 'commander'
import { type Cleaned, cleanupSnapshots, deleteSnapshot, environmentStatus, stopEnvironment } from '../../environments/index.ts'
import { Fault, formatBytes, parseDuration } from '../../kit/index.ts'
import { agree } from '../agree.ts'
import { type Call, type Cli, parsedOption } from '../command.ts'
import type { Outcome } from '../output.ts'
import { printable } from '../width.ts'
import {
  chooseEnvironment,
  chooseSnapshot,
  environmentArgument,
  type EnvironmentFlag,
  environmentOption,
  type SnapshotFlag,
  snapshotOptions,
} from './choose.ts'

export function addRemovalCommands(env: Command, cli: Cli): void {
  cli.add<SnapshotFlag>(env, {
    name: 'delete',
    summary: 'Remove a snapshot; one that the live directory stands on is refused',
    args: [environmentArgument, ['[snapshot]', 'the snapshot; it has to be named']],
    options: snapshotOptions(),
    asks: true,
    examples: [['holdfast env delete stage with-users --yes', 'without a question']],
    run: remove,
  })
  cli.add<CleanupFlags>(env, {
    name: 'cleanup',
    summary: 'Remove old snapshots by number, age and last use',
    more: 'Without options, what the configuration says. The clean state, and what is in use, stays.',
    args: [environmentArgument],
    options: [
      environmentOption(),
      parsedOption('--keep <n>', 'keep the newest so many', parseCount),
      parsedOption('--keep-within <age>', 'remove what is older, such as 14d', parseDuration),
      parsedOption('--keep-unused <age>', 'remove what was not given back for so long', parseDuration),
    ],
    writes: true,
    examples: [['holdfast env cleanup stage --keep 3 --dry-run', 'what would go']],
    run: cleanup,
  })
  cli.add<StopFlags>(env, {
    name: 'stop',
    summary: 'Give the live directory back as a plain one with its present content; unmount what is mounted',
    args: [environmentArgument],
    options: [environmentOption(), new Option('--force', 'also while processes are inside: what they write from then on is lost')],
    examples: [['holdfast env stop stage', 'before the machine is taken away']],
    run: async (call) => {
      const context = await chooseEnvironment(call)
      const { mounts } = await environmentStatus(context)
      await stopEnvironment(context, { force: call.options.force === true })
      const text = `${mounts.length === 0 ? 'nothing was mounted: ' : ''}${context.live} is a plain directory`
      return { result: { environment: context.name, unmounted: mounts }, text: printable(text) }
    },
  })
}

interface StopFlags extends EnvironmentFlag {
  readonly force?: boolean
}

async function remove(call: Call<SnapshotFlag>): Promise<Outcome> {
  const { context, snapshot: name } = await chooseSnapshot(call)
  if (name === undefined) {
    throw new Fault('invalid', `which snapshot of ${context.name}?`, { hint: `name it: holdfast env delete ${context.name} NAME` })
  }
  await agree(call, 'WARNING: this removes a snapshot', [`environment  ${context.name}`, `snapshot     ${name}`])
  const { mode, bytes } = await deleteSnapshot(context, name)
  const details = mode === undefined || bytes === undefined ? 'its record was damaged' : `${mode}, ${formatBytes(bytes)}`
  return {
    result: { environment: context.name, snapshot: name, mode, bytes },
    text: printable(`deleted the snapshot ${name} of ${context.name} (${details})`),
  }
}

interface CleanupFlags extends EnvironmentFlag {
  readonly keep?: number
  readonly keepWithin?: number
  readonly keepUnused?: number
}

async function cleanup(call: Call<CleanupFlags>): Promise<Outcome> {
  const { keep: count, keepWithin: age, keepUnused: unused, dryRun } = call.options
  const context = await chooseEnvironment(call)
  const isAsked = count !== undefined || age !== undefined || unused !== undefined
  const cleaned = await cleanupSnapshots(context, { ...(isAsked ? { keep: { count, age, unused } } : {}), dryRun })
  return {
    result: { ...(dryRun === true ? { dryRun: true } : {}), environment: context.name, ...cleaned },
    text: cleanedText(cleaned, dryRun === true),
  }
}

function cleanedText({ removed, spared, kept }: Cleaned, isDry: boolean): string {
  const lines = [
    removed.length === 0
      ? `nothing to do: ${kept === 1 ? '1 snapshot stays' : `${kept} snapshots stay`}`
      : `${isDry ? 'would remove' : 'removed'} ${removed.join(', ')}; ${kept} ${kept === 1 ? 'stays' : 'stay'}`,
    ...spared.map(({ name, why }) => `${name} stays: ${why}`),
    ...(isDry ? ['', 'dry run: nothing was removed'] : []),
  ]
  return lines.map(printable).join('\n')
}

function parseCount(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new Fault('invalid', `not a number of snapshots: ${text}`, { hint: 'a whole number, 1 or more' })
}
