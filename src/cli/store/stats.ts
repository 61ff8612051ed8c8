import type { Command } from 'commander'
import { measureStore, type SpaceCount, type StoreSpace } from '../../chunks/index.ts'
import { Fault, faultToJson, formatBytes } from '../../kit/index.ts'
import { traceNode } from '../../snapshots/index.ts'
import type { Cli } from '../command.ts'
import { renderTable } from '../table.ts'
import { printable } from '../width.ts'
import { countText } from '../words.ts'

export function addStatsCommand(store: Command, cli: Cli): void {
  cli.add(store, {
    name: 'stats',
    summary: 'Tell what the store takes, by kind, and what prunes would give back',
    more: 'It lists all keys and follows all that refs, pins and leases reach, as a prune does. Nothing is written.',
    examples: [
      ['holdfast store stats', 'a table'],
      ['holdfast store stats --json', 'the same for a script'],
    ],
    run: async ({ host, report, signal, snapshots, wire, width, paint }) => {
      const context = await snapshots()
      const { clock, random } = host
      const cache = await context.cacheDir()
      const space = await measureStore({ store: context.store, trace: traceNode, cache, clock, random, report, signal })
      const { operations } = (await (await wire()).meter()).snapshot()
      const requests = Object.values(operations).reduce((sum, count) => sum + count, 0)
      const { unneeded } = space
      return {
        result: { ...space, unneeded: unneeded instanceof Fault ? { fault: faultToJson(unneeded) } : unneeded, requests },
        text: `${tableOf(space, { width, paintHeader: paint.dim })}\n${unneededText(space)}\nfound out by ${requests} requests to the store`,
      }
    },
  })
}

function tableOf({ kinds, total }: StoreSpace, options: Parameters<typeof renderTable>[2]): string {
  const rows = Object.entries(kinds).filter(([, { objects }]) => objects > 0)
  return renderTable<[string, SpaceCount]>(
    [
      { header: 'kind', cell: ([kind]) => kind },
      { header: 'objects', cell: ([, { objects }]) => objects.toLocaleString('en-US'), align: 'right' },
      { header: 'size', cell: ([, { bytes }]) => formatBytes(bytes), align: 'right' },
    ],
    [...rows, ['all', total]],
    options,
  )
}

function unneededText({ unneeded }: StoreSpace): string {
  if (unneeded instanceof Fault) return printable(`what prunes would give back is not known: ${unneeded.message}`)
  const { condemned, unreached, repacked } = unneeded
  if (condemned.objects === 0 && unreached.objects === 0) return 'all of it is needed'
  const parts = [
    ...(condemned.objects === 0 ? [] : [`${spaceText(condemned)} that a prune has marked`]),
    ...(unreached.objects === 0 ? [] : [`${spaceText(unreached)} that nothing reaches`]),
  ]
  const partly =
    repacked.objects === 0 ? '' : `; of ${repacked.objects} of them, packs of ${formatBytes(repacked.bytes)}, a part is needed and stays`
  return `prunes would give back ${parts.join(', and ')}${partly}`
}

function spaceText({ objects, bytes }: SpaceCount): string {
  return `${countText(objects, 'object')}, ${formatBytes(bytes)},`
}
