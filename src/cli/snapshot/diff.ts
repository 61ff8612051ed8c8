import { type Command, Option } from 'commander'
import { formatBytes } from '../../kit/index.ts'
import { compareTrees, type Difference, shownName } from '../../snapshots/index.ts'
import type { Call, Cli } from '../command.ts'
import type { Outcome } from '../output.ts'
import { printable } from '../width.ts'
import { choosePlace, placeArgument } from './choose.ts'
import { entryToJson, printLines, sizeOf } from './text.ts'

interface DiffFlags {
  readonly content?: boolean
  readonly exitCode?: boolean
}

export function addDiffCommand(snapshot: Command, cli: Cli): void {
  cli.add<DiffFlags>(snapshot, {
    name: 'diff',
    summary: 'Show what differs between two snapshots, or parts of them',
    args: [placeArgument, ['<other>', 'the one that is compared with it']],
    options: [
      new Option('--content', 'only what is in files and where links lead: no modes, owners, times and attributes'),
      new Option('--exit-code', 'exit with 1 where they differ'),
    ],
    examples: [
      ['holdfast snapshot diff latest~1 latest', 'what the last one changed'],
      ['holdfast snapshot diff latest:node-1 latest:node-2 --content --exit-code', 'whether two folders hold the same'],
    ],
    run: diff,
  })
}

async function diff(call: Call<DiffFlags>): Promise<Outcome> {
  const before = await choosePlace(call, call.args[0], undefined)
  const after = await choosePlace(call, call.args[1], undefined)
  const tally = { added: 0, removed: 0, changed: 0, addedBytes: 0, removedBytes: 0 }
  const differences = counted(compareTrees(before.chunks, before.placed, after.placed, call), call.options.content === true, tally)
  const facts = { before: before.snapshot.id, after: after.snapshot.id }
  const differs = () => call.options.exitCode === true && tally.added + tally.removed + tally.changed > 0
  if (call.options.json === true) {
    const all = await Array.fromAsync(differences, differenceToJson)
    return { result: { ...facts, ...tally, differences: all }, text: '', differs: differs() }
  }
  await printLines(call, described(differences))
  return { result: undefined, text: summaryOf(tally), differs: differs() }
}

interface Tally {
  added: number
  removed: number
  changed: number
  addedBytes: number
  removedBytes: number
}

async function* counted(all: AsyncIterable<Difference>, onlyContent: boolean, tally: Tally): AsyncGenerator<Difference> {
  for await (const each of all) {
    if (onlyContent && each.kind === 'changed' && !each.aspects.some((aspect) => isOfContent.has(aspect))) continue
    tally[each.kind]++
    if (each.kind !== 'removed') tally.addedBytes += sizeOf(each.after)
    if (each.kind !== 'added') tally.removedBytes += sizeOf(each.before)
    yield each
  }
}

const isOfContent: ReadonlySet<string> = new Set(['kind', 'content', 'target', 'device'])

async function* described(all: AsyncIterable<Difference>): AsyncGenerator<string> {
  for await (const each of all) yield printable(lineOf(each))
}

function lineOf(each: Difference): string {
  const path = shownName(each.path) || '.'
  if (each.kind === 'added') return `+ ${path}${tailOf(each.after)}`
  if (each.kind === 'removed') return `- ${path}${tailOf(each.before)}`
  const { before, after, aspects } = each
  const what = aspects.map((aspect) => {
    if (aspect === 'kind') return `${before.kind} -> ${after.kind}`
    return aspect === 'content' ? `content ${formatBytes(sizeOf(before))} -> ${formatBytes(sizeOf(after))}` : aspect
  })
  return `~ ${path}${after.kind === 'directory' ? '/' : ''}  (${what.join(', ')})`
}

function tailOf(entry: Parameters<typeof sizeOf>[0]): string {
  if (entry.kind === 'directory') return '/'
  return 'content' in entry ? `  ${formatBytes(sizeOf(entry))}` : ''
}

function summaryOf({ added, removed, changed, addedBytes, removedBytes }: Tally): string {
  if (added + removed + changed === 0) return 'no difference'
  return `${added} added, ${removed} removed, ${changed} changed; ${formatBytes(removedBytes)} before, ${formatBytes(addedBytes)} after`
}

function differenceToJson(each: Difference): unknown {
  const path = shownName(each.path)
  return {
    path,
    kind: each.kind,
    ...(each.kind === 'changed' ? { aspects: each.aspects } : {}),
    ...('before' in each ? { before: entryToJson({ path: each.path, entry: each.before }) } : {}),
    ...('after' in each ? { after: entryToJson({ path: each.path, entry: each.after }) } : {}),
  }
}
