import path from 'node:path'
import { type Command, Option } from 'commander'
import { formatBytes } from '../../kit/index.ts'
import { type Restored, restoreSnapshot, shownName } from '../../snapshots/index.ts'
import { agree } from '../agree.ts'
import { type Call, type Cli, repeatedOption } from '../command.ts'
import type { Outcome } from '../output.ts'
import { printable } from '../width.ts'
import { choosePlace, type Chosen, placeArgument } from './choose.ts'
import { incompleteOf, omissionsToJson, sayOmissions, snapshotText } from './text.ts'
import { numberText } from '../words.ts'

interface RestoreFlags {
  readonly to: string
  readonly delete?: boolean
  readonly include?: readonly string[]
  readonly allowDevices?: boolean
  readonly force?: boolean
}

export function addRestoreCommand(snapshot: Command, cli: Cli): void {
  cli.add<RestoreFlags>(snapshot, {
    name: 'restore',
    summary: 'Make a directory what a snapshot, or a part of it, was',
    more: 'Only what differs is written. Killed half way, the directory is marked; the same command again finishes it.',
    args: [placeArgument, ['[path]', 'the same as :PATH after the snapshot']],
    options: [
      new Option('--to <dir>', 'the directory; it may be there already').makeOptionMandatory(),
      new Option('--delete', 'remove what the snapshot does not have; asks first'),
      repeatedOption('--include <glob>', 'only what matches, with all below it: *.conf, etc/**'),
      new Option('--allow-devices', 'make device files too'),
      new Option('--force', 'compare every file with the snapshot, whatever is known of it'),
    ],
    writes: true,
    examples: [
      ['holdfast snapshot restore latest --to /srv/env --delete --yes', 'back to a clean state'],
      ['holdfast snapshot restore 1f2e3d4c:node-1/etc --to /tmp/etc', 'a part, elsewhere'],
      ['holdfast snapshot restore latest --to /srv/env --delete --dry-run', 'what would be written and removed'],
    ],
    run: restore,
  })
}

async function restore(call: Call<RestoreFlags>): Promise<Outcome> {
  const { options, host } = call
  const chosen = await choosePlace(call, call.args[0], call.args[1])
  const target = path.resolve(host.cwd, options.to)
  const isDry = options.dryRun === true
  if (options.delete === true && !isDry) {
    const lines = [
      `snapshot   ${snapshotText(chosen.snapshot)}`,
      `into       ${target}`,
      '',
      'What the snapshot does not have is removed there.',
    ]
    await agree(call, 'WARNING: this changes and removes files', lines)
  }
  const restored = await restoreSnapshot(chosen.context, {
    snapshot: chosen.snapshot,
    path: chosen.placed.path,
    target,
    delete: options.delete,
    include: options.include,
    allowDevices: options.allowDevices,
    force: options.force,
    dryRun: isDry,
  })
  sayOmissions(call, restored.omissions, 'set')
  const { counts, written, tookOver, problems, omissions } = restored
  const facts = { snapshot: chosen.snapshot.id, path: shownName(chosen.placed.path), target: restored.target }
  return {
    result: { ...(isDry ? { dryRun: true } : {}), ...facts, counts, written, tookOver, problems, omissions: omissionsToJson(omissions) },
    text: restoredText(call, chosen, restored, isDry),
    incomplete: incompleteOf(
      problems,
      `${restored.target} was restored`,
      'mend what is named, then run the restore again: it does what is missing',
    ),
  }
}

function restoredText(
  call: Call<object>,
  { snapshot, placed }: Chosen,
  { target, counts, written, tookOver }: Restored,
  isDry: boolean,
): string {
  const part = placed.path === '' ? '' : `:${shownName(placed.path)}`
  const what = `${target} ${isDry ? 'would be' : 'is'} what ${snapshotText(snapshot)}${part} was`
  const { unchanged, attributes, directories, others, removed } = counts
  const done: [number, string][] = [
    [counts.written, 'written'],
    [counts.patched, 'changed in place'],
    [attributes, 'given their attributes'],
    [removed, 'removed'],
  ]
  const said = done.filter(([count]) => count > 0).map(([count, word]) => `${numberText(count)} ${word}`)
  if (others > 0) said.push(`${others === 1 ? '1 link or special file' : `${numberText(others)} links or special files`} made`)
  if (directories > 0) said.push(`${directories === 1 ? '1 directory' : `${numberText(directories)} directories`} made`)
  return [
    call.paint.green(printable(what)),
    ...(tookOver === undefined ? [] : [printable(`  finished what a restore by ${tookOver.by} at ${tookOver.at} had begun`)]),
    `  ${said.length === 0 ? 'nothing to do' : said.join(', ')}; ${numberText(unchanged)} unchanged`,
    ...(isDry ? ['', 'dry run: nothing was changed'] : [`  wrote ${formatBytes(written)}, fetched ${formatBytes(counts.fetched)}`]),
  ].join('\n')
}
