import type { Command } from 'commander'
import { formatBytes } from '../../kit/index.ts'
import { type Preview, previewSync, type SyncOptions } from '../../runs/sync/index.ts'
import type { Call, Cli } from '../command.ts'
import type { Outcome } from '../output.ts'
import { printable } from '../width.ts'
import {
  chooseSource,
  type FolderFlags,
  folderOption,
  noFallbackOption,
  selectionFrom,
  type SelectionFlags,
  selectionOptions,
  sourceArgument,
  type WayFlags,
  waysFrom,
} from './choose.ts'
import { costText, failuresOf, statsToJson, wayText } from './text.ts'
import { countText } from '../words.ts'

export function addStatusCommand(runs: Command, cli: Cli): void {
  cli.add<FolderFlags & SelectionFlags & WayFlags>(runs, {
    name: 'status',
    summary: 'Show what a sync would do, how old the list at the source is, and what finding out took',
    args: [sourceArgument],
    options: [folderOption(), ...selectionOptions(), noFallbackOption()],
    examples: [
      ['holdfast runs status --to runs', 'of a folder that was synced before'],
      ['holdfast runs status sftp://ann@lab-3/data/exp --to runs --json', 'for a script'],
    ],
    run: async (call) => {
      const { options, host, report, signal } = call
      const chosen = await chooseSource(call, call.args[0])
      return await previewOutcome(call, {
        ...chosen,
        selection: selectionFrom(options),
        ways: waysFrom(options),
        clock: host.clock,
        report,
        signal,
      })
    },
  })
}

/** What a sync would do, as the result of a command. */
export async function previewOutcome(call: Call<object>, options: SyncOptions, removes = false): Promise<Outcome> {
  const preview = await previewSync(options)
  const { wanted, gone, ...stats } = preview
  return {
    result: { dryRun: true, source: options.url, folder: options.folder, ...statsToJson(stats), wanted, ...(removes ? { gone } : {}) },
    text: [
      ...previewLines(preview),
      ...(removes ? removalLines(preview) : keptLines(preview)),
      `  ${wayText(stats, call.host.clock.now())}; ${costText(stats)}`,
      '',
      'nothing was changed',
    ].join('\n'),
    incomplete: failuresOf(stats),
  }
}

function previewLines({ wanted, filesAdopted, reason }: Preview): string[] {
  const lines = wanted.first.map(({ key, size, start }) => {
    const change = start > 0 ? `+${formatBytes(size - start)}` : formatBytes(size)
    return printable(`${start > 0 ? '~' : '+'} ${key}  ${change}`)
  })
  const more = wanted.count > lines.length ? [`... and ${countText(wanted.count - lines.length, 'other')}`] : []
  const adopted = filesAdopted === 0 ? [] : [`  ${countText(filesAdopted, 'file')} here already that no sync wrote`]
  const sum =
    wanted.count === 0
      ? `nothing to fetch${reason === undefined ? '' : `: ${reason}`}`
      : `${countText(wanted.count, 'file')} to fetch, ${formatBytes(wanted.bytes)}`
  return [...lines, ...more, sum, ...adopted]
}

function keptLines({ filesKept }: Preview): string[] {
  return filesKept === 0 ? [] : [`  ${countText(filesKept, 'file')} here that the source does not have any more`]
}

/** What a sync that removes would remove; what was edited here since shows only then. */
function removalLines({ gone: { count, first } }: Preview): string[] {
  if (count === 0) return ['nothing to remove']
  const more = count > first.length ? [`... and ${countText(count - first.length, 'other')}`] : []
  return [...first.map((key) => printable(`- ${key}`)), ...more, `${countText(count, 'file')} to remove`]
}
