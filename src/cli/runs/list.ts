import type { Command } from 'commander'
import { formatBytes } from '../../kit/index.ts'
import { listRuns, type RunAtSource, type RunList } from '../../runs/sync/index.ts'
import type { Call, Cli } from '../command.ts'
import { type Column, renderTable } from '../table.ts'
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
import { ageText, countText, isoTime, numberText, timeText } from '../words.ts'

export function addListCommand(runs: Command, cli: Cli): void {
  cli.add<FolderFlags & SelectionFlags & WayFlags>(runs, {
    name: 'ls',
    summary: 'List the runs at the source, newest first, and which of them are here',
    args: [sourceArgument],
    options: [folderOption(), ...selectionOptions(), noFallbackOption()],
    examples: [
      ['holdfast runs ls --to runs --status running', 'what runs now'],
      ['holdfast runs ls sftp://ann@lab-3/data/exp --json', 'of any source, for a script'],
    ],
    run: async (call) => {
      const { options, host, report, signal } = call
      const { source, url, folder } = await chooseSource(call, call.args[0])
      const listed = await listRuns({
        source,
        folder,
        selection: selectionFrom(options),
        ways: waysFrom(options),
        clock: host.clock,
        report,
        signal,
      })
      return {
        result: {
          source: url,
          way: listed.way,
          generated: isoTime(listed.generated),
          runs: listed.runs.map((run) => ({ ...run, created: isoTime(run.created), updated: isoTime(run.updated) })),
        },
        text: listText(call, listed),
      }
    },
  })
}

function listText(call: Call<object>, { runs, generated }: RunList): string {
  const now = call.host.clock.now()
  const age = generated === undefined ? '' : `, listed ${ageText(now - generated)} ago`
  if (runs.length === 0) return `there are no such runs${age}`
  const columns: Column<RunAtSource>[] = [
    { header: 'PROJECT/NAME', cell: ({ project, name }) => `${project}/${name}`, min: 12 },
    { header: 'RUN', cell: ({ runId }) => runId, paint: call.paint.cyan },
    { header: 'STATUS', cell: ({ status }) => status ?? '?', priority: 7 },
    { header: 'UPDATED', cell: ({ updated }) => whenText(updated), priority: 4 },
    { header: 'FILES', cell: ({ files }) => numberText(files), align: 'right', priority: 2 },
    { header: 'SIZE', cell: ({ bytes }) => formatBytes(bytes), align: 'right', priority: 3 },
    { header: 'HERE', cell: ({ here }) => here, priority: 8 },
  ]
  const table = renderTable(columns, runs, { width: call.width, paintHeader: call.paint.bold })
  return `${table}\n${countText(runs.length, 'run')}${age}`
}

function whenText(time: number | undefined): string {
  const text = isoTime(time)
  return text === undefined ? '?' : timeText(text)
}
