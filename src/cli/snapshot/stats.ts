import type { Command } from 'commander'
import { formatBytes } from '../../kit/index.ts'
import { shortId, type SnapshotStatistics, type Statistics, statisticsOf } from '../../snapshots/index.ts'
import type { Call, Cli } from '../command.ts'
import { type Column, renderTable } from '../table.ts'
import { chooseMany, type FilterOptions, filterOptions } from './choose.ts'
import { countText, numberText, timeText } from '../words.ts'

export function addStatsCommand(snapshot: Command, cli: Cli): void {
  cli.add<FilterOptions>(snapshot, {
    name: 'stats',
    summary: 'Show what snapshots take, each and together',
    more: 'LOGICAL is all their files, STORED what their pieces take in the packs, ALONE what would become free without the one.',
    args: [['[snapshot...]', 'these; without any, all']],
    options: filterOptions(),
    examples: [
      ['holdfast snapshot stats', 'what the store has of all of them'],
      ['holdfast snapshot stats latest', 'how much of it the newest alone needs'],
    ],
    run: async (call) => {
      const context = await call.snapshots()
      const chosen = await chooseMany(call, context)
      const statistics = await statisticsOf(await context.chunks(), chosen, call)
      const { snapshots, ...together } = statistics
      return {
        result: { snapshots: snapshots.map(({ snapshot: { id, name }, ...extents }) => ({ id, name, ...extents })), ...together },
        text: statsText(call, statistics),
      }
    },
  })
}

function statsText({ width, paint }: Call<object>, { snapshots, logical, total, unreadable }: Statistics): string {
  const columns: Column<SnapshotStatistics>[] = [
    { header: 'SNAPSHOT', cell: ({ snapshot }) => shortId(snapshot.id), paint: paint.cyan },
    { header: 'NAME', cell: ({ snapshot }) => snapshot.name, min: 8, priority: 2 },
    { header: 'MADE', cell: ({ snapshot }) => timeText(snapshot.created), priority: 1 },
    { header: 'LOGICAL', cell: (row) => formatBytes(row.logical), align: 'right' },
    { header: 'STORED', cell: ({ all }) => formatBytes(all.stored), align: 'right' },
    { header: 'ALONE', cell: ({ unique }) => formatBytes(unique.stored), align: 'right' },
  ]
  const pieces = `${numberText(total.pieces)} distinct pieces of ${formatBytes(total.plain)}`
  return [
    renderTable(columns, snapshots, { width, paintHeader: paint.bold }),
    `${countText(snapshots.length, 'snapshot')}: ${formatBytes(logical)} in files, ${pieces}, stored in ${formatBytes(total.stored)}`,
    ...(unreadable === 0
      ? []
      : [`${countText(unreadable, 'node')} could not be read, and what they lead to is not counted; run: holdfast snapshot verify`]),
  ].join('\n')
}
