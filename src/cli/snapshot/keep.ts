import type { Command } from 'commander'
import { Fault, parseDuration } from '../../kit/index.ts'
import {
  type Forgotten,
  forgetSnapshots,
  type KeepRules,
  type Listed,
  pinSnapshot,
  tagSnapshot,
  unpinSnapshot,
} from '../../snapshots/index.ts'
import { agree, messageOption } from '../agree.ts'
import { type Call, type Cli, parsedOption, repeatedOption } from '../command.ts'
import type { Outcome } from '../output.ts'
import { printable } from '../width.ts'
import { chooseWhole, filterFrom, type FilterOptions, filterOptions, needed, snapshotArgument, wholeId } from './choose.ts'
import { snapshotText } from './text.ts'
import { countText } from '../words.ts'

interface ForgetFlags extends FilterOptions {
  readonly keepLast?: number
  readonly keepDaily?: number
  readonly keepWeekly?: number
  readonly keepMonthly?: number
  readonly keepTag?: readonly string[]
  readonly keepWithin?: number
}

export function addForgetCommand(snapshot: Command, cli: Cli): void {
  cli.add<ForgetFlags>(snapshot, {
    name: 'forget',
    summary: 'Drop snapshots, named ones or those that no rule keeps; prune gives back their space',
    more: 'The rules hold for each name apart. What any rule keeps stays, and so do pinned ones and the newest of each name. Days and weeks are those of UTC.',
    args: [['[snapshot...]', 'these, in place of rules']],
    options: [
      parsedOption('--keep-last <n>', 'keep the newest n', parseCount),
      parsedOption('--keep-daily <n>', 'keep the newest of each of the last n days that have any', parseCount),
      parsedOption('--keep-weekly <n>', 'the same for weeks, from Monday', parseCount),
      parsedOption('--keep-monthly <n>', 'the same for months', parseCount),
      repeatedOption('--keep-tag <tag>', 'keep those with this tag'),
      parsedOption('--keep-within <age>', 'keep those that are younger: 90d', parseDuration),
      ...filterOptions(),
    ],
    writes: true,
    asks: true,
    examples: [
      ['holdfast snapshot forget --keep-last 5 --keep-daily 14 --keep-weekly 8', 'what a schedule needs'],
      ['holdfast snapshot forget 1f2e3d4c --yes', 'one of them'],
      ['holdfast snapshot forget --name project --keep-within 30d --dry-run', 'what would go, and why the others stay'],
    ],
    run: forget,
  })
}

async function forget(call: Call<ForgetFlags>): Promise<Outcome> {
  const { options } = call
  const ids = call.args.filter((arg) => arg !== undefined).map(wholeId)
  const rules: KeepRules = {
    last: options.keepLast,
    daily: options.keepDaily,
    weekly: options.keepWeekly,
    monthly: options.keepMonthly,
    tags: options.keepTag,
    within: options.keepWithin,
  }
  if (ids.length > 0 && Object.values(rules).some((rule) => rule !== undefined)) {
    throw new Fault('invalid', 'snapshots and rules were both given', { hint: 'give one of the two' })
  }
  const context = await call.snapshots()
  const wanted = { ids, rules, filter: filterFrom(options) }
  const plans = await forgetSnapshots(context, { ...wanted, dryRun: true })
  sayUnusedTags(call, plans)
  const count = plans.reduce((sum, { plan }) => sum + plan.drop.length, 0)
  if (options.dryRun === true || count === 0) return forgetOutcome(plans, true, options.dryRun === true)
  await agree(call, `WARNING: ${countText(count, 'snapshot')} will be forgotten`, dropLines(plans))
  return forgetOutcome(await forgetSnapshots(context, wanted), false, false)
}

/** A tag that is mistyped would keep nothing. */
function sayUnusedTags(call: Call<ForgetFlags>, plans: readonly Forgotten[]): void {
  const present = new Set(
    plans.flatMap(({ plan }) => [...plan.drop, ...plan.keep.map(({ snapshot }) => snapshot)]).flatMap(({ tags }) => tags),
  )
  for (const tag of call.options.keepTag ?? [])
    if (!present.has(tag))
      call.report({ kind: 'note', level: 'warning', text: `--keep-tag ${tag} keeps nothing: no snapshot has that tag` })
}

function dropLines(plans: readonly Forgotten[]): string[] {
  return plans.flatMap(({ name, plan }) => plan.drop.map((each) => `${name}: ${snapshotText(each)}`))
}

function forgetOutcome(plans: readonly Forgotten[], isOnlyPlan: boolean, isDry: boolean): Outcome {
  const dropped = plans.reduce((sum, { plan }) => sum + plan.drop.length, 0)
  const lines = plans.flatMap(({ name, plan }) => [
    ...plan.drop.map((each) => `${isDry ? 'would forget' : 'forgot'}  ${name}: ${snapshotText(each)}`),
    ...plan.keep.flatMap(({ snapshot, because }) =>
      because.length === 0 ? [] : [`${isDry ? 'would keep' : 'kept'}  ${name}: ${snapshotText(snapshot)}: ${because.join(', ')}`],
    ),
  ])
  const end =
    dropped === 0 ? ['nothing to do: every snapshot is kept'] : isOnlyPlan ? [] : ['next: holdfast snapshot prune gives back their space']
  return {
    result: {
      ...(isDry ? { dryRun: true } : {}),
      names: plans.map(({ name, plan }) => ({
        name,
        dropped: plan.drop.map(briefly),
        kept: plan.keep.map(({ snapshot, because }) => ({ ...briefly(snapshot), because })),
      })),
    },
    text: [...lines.map(printable), ...end, ...(isDry ? ['', 'dry run: nothing was forgotten'] : [])].join('\n'),
  }
}

function briefly({ id, created }: Listed): { id: string; created: string } {
  return { id, created }
}

function parseCount(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new Fault('invalid', `not a count: ${JSON.stringify(text)}`, { hint: 'write a whole number such as 10' })
}

export function addTagCommand(snapshot: Command, cli: Cli): void {
  cli.add<{ add?: readonly string[]; remove?: readonly string[] }>(snapshot, {
    name: 'tag',
    summary: 'Change the tags of a snapshot',
    args: [snapshotArgument],
    options: [repeatedOption('--add <tag>', 'give it this tag'), repeatedOption('--remove <tag>', 'take this tag from it')],
    writes: true,
    examples: [['holdfast snapshot tag latest --add shipped --remove nightly', 'one tag more, one less']],
    run: async (call) => {
      const { add, remove, dryRun } = call.options
      if (add === undefined && remove === undefined) throw new Fault('invalid', 'which tags?', { hint: 'add --add TAG or --remove TAG' })
      const id = wholeId(needed(call.args[0]))
      const tagged = await tagSnapshot(await call.snapshots(), id, { add, remove, dryRun })
      const text = `${snapshotText(tagged)}${dryRun === true ? ' would have' : ' has'} ${tagged.tags.length === 0 ? 'no tags' : `the tags ${tagged.tags.join(', ')}`}`
      return { result: { ...dryRunIf(dryRun), id: tagged.id, tags: tagged.tags }, text: printable(text) }
    },
  })
}

export function addPinCommands(snapshot: Command, cli: Cli): void {
  cli.add<{ message?: string }>(snapshot, {
    name: 'pin',
    summary: 'Keep a snapshot, whatever is forgotten, until it is unpinned',
    more: 'One that was just forgotten, named by its id, comes back, as long as no prune has begun to take away what it needs.',
    args: [snapshotArgument],
    options: [messageOption()],
    writes: true,
    examples: [['holdfast snapshot pin latest --message "what the customer has"', 'it stays']],
    run: pin,
  })
  cli.add(snapshot, {
    name: 'unpin',
    summary: 'Let forget drop a pinned snapshot again',
    args: [snapshotArgument],
    writes: true,
    examples: [['holdfast snapshot unpin 1f2e3d4c', 'it may go']],
    run: unpin,
  })
}

async function pin(call: Call<{ message?: string }>): Promise<Outcome> {
  const { message, dryRun } = call.options
  const { snapshot, isBack } = await pinSnapshot(await call.snapshots(), wholeId(needed(call.args[0])), { message, dryRun })
  const outcome = pinOutcome(snapshot, 'pinned', dryRun)
  return isBack
    ? { ...outcome, text: printable(`${outcome.text}; it had been forgotten, and ${dryRun === true ? 'would be' : 'is'} back`) }
    : outcome
}

async function unpin(call: Call<object>): Promise<Outcome> {
  const { context, snapshot } = await chooseWhole(call, call.args[0])
  if (call.options.dryRun !== true) await unpinSnapshot(context, snapshot.id)
  return pinOutcome(snapshot, 'unpinned', call.options.dryRun)
}

function pinOutcome(snapshot: Listed, done: 'pinned' | 'unpinned', isDry: boolean | undefined) {
  return {
    result: { ...dryRunIf(isDry), id: snapshot.id, pinned: done === 'pinned' },
    text: printable(`${isDry === true ? `dry run, not ${done}` : done}: ${snapshotText(snapshot)}`),
  }
}

function dryRunIf(isDry: boolean | undefined): { dryRun?: true } {
  return isDry === true ? { dryRun: true } : {}
}
