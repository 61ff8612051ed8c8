import type { Command } from 'commander'
import { formatBytes } from '../../kit/index.ts'
import { listGenerations } from '../../python-index/index.ts'
import type { Cli } from '../command.ts'
import { type Column, renderTable } from '../table.ts'
import { ageText, numberText } from '../words.ts'
import { environmentOption, indexContext, type IndexFlags } from './choose.ts'
import { publishedIndex } from './history.ts'

interface Row {
  readonly prefix: string
  readonly generation: number
  readonly at: string
  readonly action: string
  readonly projects: number
  readonly files: number
  readonly bytes: number
  readonly refused: number
}

export function addStatusCommand(index: Command, cli: Cli): void {
  cli.add<IndexFlags>(index, {
    name: 'status',
    summary: 'Show the indexes side by side: when they changed last, packages, files, sizes',
    options: [environmentOption()],
    examples: [['holdfast index status --env nightly', 'one line for each index']],
    run: async (call) => {
      const context = await indexContext(call)
      const ref = await publishedIndex(context)
      const moves = new Map(listGenerations(ref).map((move) => [move.generation, move]))
      const rows = Object.entries(ref.state.prefixes)
        .map(([prefix, { kept, catalogue: _catalogue, ...counts }]): Row => {
          const { generation } = kept.at(-1)!
          const { at, action } = moves.get(generation)!
          return { prefix, generation, at, action, ...counts }
        })
        .toSorted((a, b) => (a.prefix < b.prefix ? -1 : 1))
      const now = call.host.clock.now()
      const columns: Column<Row>[] = [
        { header: 'INDEX', cell: ({ prefix }) => prefix, min: 24 },
        { header: 'GENERATION', cell: ({ generation }) => String(generation), align: 'right', priority: 4 },
        { header: 'AGE', cell: ({ at }) => ageText(now - Date.parse(at)), align: 'right' },
        { header: 'BY', cell: ({ action }) => action, priority: 1 },
        { header: 'PACKAGES', cell: ({ projects }) => numberText(projects), align: 'right', priority: 3 },
        { header: 'FILES', cell: ({ files }) => numberText(files), align: 'right', priority: 5 },
        { header: 'SIZE', cell: ({ bytes }) => formatBytes(bytes), align: 'right', priority: 2 },
        { header: 'REFUSED', cell: ({ refused }) => (refused === 0 ? '' : numberText(refused)), align: 'right', paint: call.paint.red },
      ]
      return {
        result: { environment: context.environment.name, bucket: ref.state.bucket, generation: ref.generation, indexes: rows },
        text: renderTable(columns, rows, { width: call.width, paintHeader: call.paint.bold }),
      }
    },
  })
}
