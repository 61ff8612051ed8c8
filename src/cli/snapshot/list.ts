import type { Command } from 'commander'
import { formatBytes } from '../../kit/index.ts'
import { type Listed, listSnapshots, pinnedSnapshots, readRecord, shortId } from '../../snapshots/index.ts'
import type { Call, Cli } from '../command.ts'
import { type Column, renderTable } from '../table.ts'
import { printable } from '../width.ts'
import { chooseWhole, filterFrom, type FilterOptions, filterOptions, snapshotArgument } from './choose.ts'
import { ageText, countText, numberText, timeText } from '../words.ts'

export function addListCommands(snapshot: Command, cli: Cli): void {
  cli.add<FilterOptions>(snapshot, {
    name: 'list',
    summary: 'List snapshots, oldest first',
    options: filterOptions(),
    examples: [
      ['holdfast snapshot list', 'all of the store'],
      ['holdfast snapshot list --name project --tag nightly --json', 'some, for a script'],
    ],
    run: async (call) => {
      const context = await call.snapshots()
      await context.cacheDir()
      const snapshots = await listSnapshots(context, filterFrom(call.options))
      const pinned = await pinnedSnapshots(context)
      return {
        result: { snapshots: snapshots.map((each) => ({ ...each, pinned: pinned.has(each.id) })) },
        text: snapshots.length === 0 ? noneText(call.options) : listText(call, snapshots, (each) => pinned.has(each.id)),
      }
    },
  })
  cli.add(snapshot, {
    name: 'show',
    summary: 'Show one snapshot: what it is of, how much, who made it when',
    args: [snapshotArgument],
    examples: [['holdfast snapshot show latest', 'the newest one']],
    run: async (call) => {
      const { context, snapshot: found } = await chooseWhole(call, call.args[0])
      const record = await readRecord(context.store, found.id, call)
      const isPinned = (await pinnedSnapshots(context)).has(found.id)
      const { format: _format, reaches: _reaches, ...facts } = record
      return {
        result: { id: found.id, tags: found.tags, pinned: isPinned, ...facts },
        text: showText(call, found, facts, isPinned),
      }
    },
  })
}

function noneText({ name, host, tag }: FilterOptions): string {
  const isFiltered = name !== undefined || host !== undefined || (tag?.length ?? 0) > 0
  return isFiltered ? 'there are no such snapshots' : 'there are no snapshots in this store'
}

function listText(call: Call<object>, snapshots: readonly Listed[], isPinned: (each: Listed) => boolean): string {
  const now = call.host.clock.now()
  const columns: Column<Listed>[] = [
    { header: 'SNAPSHOT', cell: ({ id }) => shortId(id), paint: call.paint.cyan },
    { header: 'NAME', cell: ({ name }) => name, min: 8, priority: 7 },
    { header: 'MADE', cell: ({ created }) => timeText(created), priority: 5 },
    { header: 'AGE', cell: ({ created }) => ageText(now - Date.parse(created)), align: 'right', priority: 8 },
    { header: 'FILES', cell: ({ files }) => numberText(files), align: 'right', priority: 4 },
    { header: 'SIZE', cell: ({ size }) => formatBytes(size), align: 'right', priority: 6 },
    { header: 'OF', cell: (each) => whatText(each), min: 8, priority: 3 },
    { header: 'TAGS', cell: (each) => [...each.tags, ...(isPinned(each) ? ['(pinned)'] : [])].join(','), min: 6, priority: 2 },
    { header: 'MESSAGE', cell: ({ message }) => message ?? '', min: 10, priority: 1 },
  ]
  const used = columns.filter((column) => snapshots.some((each) => column.cell(each) !== ''))
  return renderTable(used, snapshots, { width: call.width, paintHeader: call.paint.bold })
}

function whatText({ host, base, paths }: Pick<Listed, 'host' | 'base' | 'paths'>): string {
  const of =
    paths[0] === '.'
      ? base
      : paths.length === 1
        ? `${base}/${paths[0]}`
        : `${base}: ${paths.slice(0, 3).join(', ')}${paths.length > 3 ? ', …' : ''}`
  return `${host}:${of}`
}

type Facts = Omit<Awaited<ReturnType<typeof readRecord>>, 'format' | 'reaches'>

function showText({ paint }: Call<object>, { id, tags }: Listed, facts: Facts, isPinned: boolean): string {
  const { counts, problems } = facts
  const kinds = [
    countText(counts.files, 'file'),
    counts.directories === 1 ? '1 directory' : `${numberText(counts.directories)} directories`,
    countText(counts.links, 'link'),
    `${counts.special} special`,
  ]
  const lines: [string, string][] = [
    ['snapshot', id],
    ['name', facts.name],
    ['made', `${timeText(facts.created)} by ${facts.by}`],
    ['of', whatText(facts)],
    ...(facts.exclude.length === 0 ? [] : [['without', facts.exclude.join(' ')] as [string, string]]),
    ...(facts.message === undefined ? [] : [['message', facts.message] as [string, string]]),
    ...(tags.length === 0 ? [] : [['tags', tags.join(', ')] as [string, string]]),
    ...(isPinned ? [['pinned', 'yes: it stays, whatever is forgotten'] as [string, string]] : []),
    ['holds', `${kinds.join(', ')}; ${formatBytes(facts.size)}`],
    ['root', facts.root],
    ...(facts.parent === undefined ? [] : [['parent', facts.parent] as [string, string]]),
    ...(problems.count === 0 ? [] : [['not read', countText(problems.count, 'path')] as [string, string]]),
    ...problems.first.slice(0, 20).map(({ path, message }): [string, string] => ['', `${path}: ${message}`]),
  ]
  const widest = Math.max(...lines.map(([name]) => name.length))
  return lines.map(([name, value]) => `${paint.dim(name.padEnd(widest))}  ${printable(value)}`).join('\n')
}
