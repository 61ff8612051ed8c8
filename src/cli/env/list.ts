import type { Command } from 'commander'
import {
  type EnvironmentContext,
  listSnapshots,
  showSnapshot,
  type SnapshotInfo,
  type SnapshotList,
  type SnapshotRow,
} from '../../environments/index.ts'
import { formatBytes } from '../../kit/index.ts'
import type { Call, Cli } from '../command.ts'
import { type Column, renderTable } from '../table.ts'
import { printable } from '../width.ts'
import {
  chooseEnvironments,
  chooseSnapshot,
  type EnvironmentFlag,
  environmentOption,
  snapshotArguments,
  type SnapshotFlag,
  snapshotOptions,
} from './choose.ts'
import { entriesText, timeText } from '../words.ts'

export function addListCommands(env: Command, cli: Cli): void {
  cli.add<EnvironmentFlag>(env, {
    name: 'list',
    summary: 'List snapshots, newest first',
    args: [['[env]', 'of this environment; without it, of all']],
    options: [environmentOption()],
    examples: [['holdfast env list --json', 'for a script']],
    run: async (call) => {
      const lists = await Promise.all((await chooseEnvironments(call)).map(listOf))
      return { result: { environments: lists }, text: listText(call, lists) }
    },
  })
  cli.add<SnapshotFlag>(env, {
    name: 'show',
    summary: 'Show one snapshot: how much it keeps, how, and when it was last given back',
    args: snapshotArguments,
    options: snapshotOptions(),
    examples: [['holdfast env show stage --snapshot with-users', 'one state']],
    run: async (call) => {
      const { context, snapshot } = await chooseSnapshot(call)
      const info = await showSnapshot(context, snapshot)
      const { record, ...facts } = info
      const { kept, format: _format, ...kind } = record
      return { result: { ...facts, ...kind, facts: kept.facts, digest: kept.digest }, text: showText(call, info) }
    },
  })
}

interface NamedList extends SnapshotList {
  readonly environment: string
}

async function listOf(context: EnvironmentContext): Promise<NamedList> {
  return { environment: context.name, ...(await listSnapshots(context)) }
}

function listText(call: Call<object>, lists: readonly NamedList[]): string {
  const rows = lists.flatMap(({ environment, snapshots }) => snapshots.map((row) => ({ environment, ...row })))
  const columns: Column<SnapshotRow & { readonly environment: string }>[] = [
    { header: 'ENV', cell: ({ environment }) => environment, min: 10, paint: call.paint.cyan },
    { header: 'SNAPSHOT', cell: ({ name }) => name, min: 16 },
    { header: 'MODE', cell: ({ mode }) => mode, priority: 5 },
    { header: 'MADE', cell: ({ created }) => timeText(created), priority: 3 },
    { header: 'ENTRIES', cell: ({ entries }) => String(entries), align: 'right', priority: 2 },
    { header: 'SIZE', cell: ({ bytes }) => formatBytes(bytes), align: 'right', priority: 4 },
    { header: 'LAST USED', cell: ({ lastUsed }) => (lastUsed === undefined ? 'never' : timeText(lastUsed)), priority: 1 },
    { header: '', cell: ({ inUse }) => (inUse ? 'in use' : ''), priority: 6 },
  ]
  const make = `holdfast env create${lists.length === 1 ? ` ${lists[0]!.environment}` : ' ENV'}`
  const isDamaged = lists.some(({ damaged }) => damaged.length > 0)
  const table =
    rows.length === 0
      ? isDamaged
        ? `no snapshot can be given back; make one: ${make} --replace`
        : `there are no snapshots; make one: ${make}`
      : renderTable(columns, rows, { width: call.width, paintHeader: call.paint.bold })
  const strange = lists.flatMap(({ environment, foreign, damaged }) => [
    ...foreign.map((name) => `${environment}: ${name} lies among the snapshots and is none of them: it is left alone`),
    ...damaged.map(({ name, why }) => `${environment}: ${name} is never given back: ${why}`),
  ])
  return [table, ...strange.map(printable)].join('\n')
}

function showText({ paint }: Call<object>, { record, stored, lastUsed, inUse }: SnapshotInfo): string {
  const lines: [string, string][] = [
    ['snapshot', record.name],
    ['of', `${record.environment}, ${record.path}`],
    ['made', timeText(record.created)],
    ['mode', record.mode],
    ['holds', `${entriesText(record.entries)}, ${formatBytes(record.bytes)}`],
    ...(stored === undefined ? [] : [['on disk', formatBytes(stored)] as [string, string]]),
    ['last used', lastUsed === undefined ? 'never' : timeText(lastUsed)],
    ['in use', inUse ? 'yes: the live directory stands on it' : 'no'],
    [
      'digest',
      record.content ??
        record.kept.digest ??
        (record.mode === 'recreate' ? 'none: it is a marker only' : 'not yet: holdfast env verify reads it whole'),
    ],
  ]
  return lines.map(([name, value]) => `${paint.dim(name.padEnd(9))}  ${printable(value)}`).join('\n')
}
