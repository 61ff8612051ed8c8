import { type Command, Option } from 'commander'
import { formatBytes } from '../../kit/index.ts'
import { type CopyPlan, copySnapshots, planCopy } from '../../snapshots/index.ts'
import type { Call, Cli } from '../command.ts'
import type { Outcome } from '../output.ts'
import { printable } from '../width.ts'
import { chooseMany, type FilterOptions, filterOptions } from './choose.ts'
import { snapshotText } from './text.ts'
import { countText } from '../words.ts'

export function addCopyCommand(snapshot: Command, cli: Cli): void {
  cli.add<FilterOptions & { to: string }>(snapshot, {
    name: 'copy',
    summary: 'Copy snapshots into another store: only what it lacks',
    more: 'Their ids stay the same. Everything is checked on the way; the other store shows a snapshot once all of it is there.',
    args: [['[snapshot...]', 'these; without any, all']],
    options: [new Option('--to <url>', 'the other store; made where there is none').makeOptionMandatory(), ...filterOptions()],
    writes: true,
    examples: [
      ['holdfast snapshot copy --to s3://backup/holdfast', 'all that is missing there'],
      ['holdfast snapshot copy latest --to file:///mnt/disk/store', 'one of them'],
    ],
    run: copy,
  })
}

async function copy(call: Call<FilterOptions & { to: string }>): Promise<Outcome> {
  const from = await call.snapshots()
  const snapshots = await chooseMany(call, from)
  const to = await call.snapshots(call.options.to)
  if (call.options.dryRun === true) {
    const plan = await planCopy(to, snapshots)
    return {
      result: { dryRun: true, ...planToJson(plan) },
      text: [...planLines(plan, 'would copy'), '', 'dry run: nothing was copied'].join('\n'),
    }
  }
  const { copied, present, stats } = await copySnapshots(from, to, snapshots)
  const plan = { copy: copied, present }
  const stored = stats === undefined ? [] : [`stored ${formatBytes(stats.stored)} for ${formatBytes(stats.added)} that it lacked`]
  return {
    result: { ...planToJson(plan), stored: stats?.stored ?? 0, added: stats?.added ?? 0 },
    text: [...planLines(plan, 'copied'), ...stored].join('\n'),
  }
}

function planToJson({ copy: copied, present }: CopyPlan): { copied: string[]; present: string[] } {
  return { copied: copied.map(({ id }) => id), present: present.map(({ id }) => id) }
}

function planLines({ copy: copied, present }: CopyPlan, done: string): string[] {
  if (copied.length === 0) return [`nothing to do: ${present.length === 1 ? 'it is' : `all ${present.length} are`} there already`]
  const there = present.length === 0 ? [] : [`${countText(present.length, 'snapshot')} there already`]
  return [...copied.map((each) => printable(`${done}  ${each.name}: ${snapshotText(each)}`)), ...there]
}
