import { type Command, Option } from 'commander'
import { Fault } from '../../kit/index.ts'
import {
  catalogueAt,
  type CatalogueDifference,
  compareCatalogues,
  type Generation,
  type IndexContext,
  type IndexRef,
  listGenerations,
  type ProjectDifference,
  readCatalogue,
  readIndex,
} from '../../python-index/index.ts'
import type { Call, Cli } from '../command.ts'
import type { Outcome } from '../output.ts'
import { type Column, renderTable } from '../table.ts'
import { printable } from '../width.ts'
import { countText, timeText } from '../words.ts'
import { environmentOption, indexContext, type IndexFlags, prefixFrom } from './choose.ts'

export function addGenerationsCommand(index: Command, cli: Cli): void {
  cli.add<IndexFlags>(index, {
    name: 'generations',
    summary: 'Show who changed what is published, when and why, newest first',
    args: [['[prefix]', 'only what changed this index']],
    options: [environmentOption()],
    examples: [['holdfast index generations v2/gfx94X-dcgpu', 'what this index can be rolled back to']],
    run: async (call) => {
      const context = await indexContext(call)
      const prefix = call.args[0] === undefined ? undefined : prefixFrom(call.args[0])
      const generations = listGenerations(await publishedIndex(context), prefix).toReversed()
      const columns: Column<Generation>[] = [
        { header: 'GENERATION', cell: ({ generation }) => String(generation), align: 'right' },
        { header: 'WHEN', cell: ({ at }) => timeText(at), priority: 5 },
        { header: 'ACTION', cell: ({ action }) => action },
        { header: 'INDEXES', cell: ({ prefixes }) => Object.keys(prefixes).join(', '), min: 12 },
        { header: 'KEPT', cell: (row) => keptText(row), priority: 3 },
        { header: 'BY', cell: ({ by }) => by, min: 8, priority: 2 },
        { header: 'MESSAGE', cell: ({ message }) => message ?? '', min: 10, priority: 1 },
      ]
      return {
        result: { environment: context.environment.name, generations },
        text: renderTable(columns, generations, { width: call.width, paintHeader: call.paint.bold }),
      }
    },
  })
}

function keptText({ prefixes }: Generation): string {
  const all = Object.values(prefixes)
  if (all.every(({ isCurrent }) => isCurrent)) return 'now'
  return all.some(({ isKept }) => isKept) ? 'yes' : 'no'
}

interface DiffFlags extends IndexFlags {
  readonly package?: string
  readonly exitCode?: boolean
}

export function addDiffCommand(index: Command, cli: Cli): void {
  cli.add<DiffFlags>(index, {
    name: 'diff',
    summary: 'Show what differs between two indexes, or two generations of one',
    args: [
      ['<a>', 'an index, as it is or as it was: v2/gfx94X-dcgpu, v2/gfx94X-dcgpu@12'],
      ['[b]', 'another one (default: <a> as it is now)'],
    ],
    options: [
      environmentOption(),
      new Option('--package <name>', 'only this package'),
      new Option('--exit-code', 'exit with 1 where they differ'),
    ],
    examples: [
      ['holdfast index diff v2/gfx94X-dcgpu v2-staging/gfx94X-dcgpu', 'what a promotion would bring'],
      ['holdfast index diff v2/gfx94X-dcgpu@12', 'what changed since generation 12'],
    ],
    run: diff,
  })
}

async function diff(call: Call<DiffFlags>): Promise<Outcome> {
  const context = await indexContext(call)
  const ref = await publishedIndex(context)
  const [a = '', b = a.replace(/@\d+$/, '')] = call.args.flatMap((arg) => (arg === undefined ? [] : [prefixFrom(arg)]))
  const [before, after] = [await projectsOf(context, ref, a), await projectsOf(context, ref, b)]
  if (a === b) throw new Fault('invalid', `${a} is compared with itself`, { hint: 'name another index, or a generation: PREFIX@12' })
  const difference = await compareCatalogues(context, before, after, { project: call.options.package })
  return {
    result: { environment: context.environment.name, from: a, to: b, ...difference },
    text: differenceText(difference, call),
    differs: call.options.exitCode === true && difference.projects.length > 0,
  }
}

/** `PREFIX` or `PREFIX@GENERATION`. One of the configuration that was never published has nothing. */
async function projectsOf(context: IndexContext, ref: IndexRef, side: string) {
  const [, prefix = side, generation] = /^(.*)@(\d+)$/.exec(side) ?? []
  if (context.environment.prefixes.includes(prefix) && !Object.hasOwn(ref.state.prefixes, prefix)) return {}
  const { catalogue } = catalogueAt(ref, prefix, { generation: generation === undefined ? ref.generation : Number(generation) })
  return (await readCatalogue(context, catalogue)).projects
}

function differenceText({ projects, files, same }: CatalogueDifference, { paint }: Call<object>): string {
  if (projects.length === 0) return `no difference in ${countText(same, 'package')}`
  const total = `${files.added} added, ${files.changed} changed, ${files.removed} removed in ${countText(projects.length, 'package')}; ${countText(same, 'package')} the same`
  return [...projects.flatMap((project) => projectLines(project, paint)), total].join('\n')
}

function projectLines({ name, added, removed, changed, refused, status }: ProjectDifference, paint: Call<object>['paint']): string[] {
  return [
    paint.bold(printable(name)),
    ...(status === undefined ? [] : [`  ${status.before.status} -> ${status.after.status}`]),
    ...added.map((file) => `  ${paint.green('+')} ${printable(file.name)}`),
    ...changed.map((file) => `  ${paint.yellow('~')} ${printable(file.name)}: ${file.what.join(', ')}`),
    ...removed.map((file) => `  ${paint.red('-')} ${printable(file.name)}${file.why === undefined ? '' : ` (${file.why})`}`),
    ...refused.map((file) => `  ${paint.red('refused')} ${printable(file.name)}: ${printable(file.reason)}`),
  ]
}

/** Throws `not-found` where nothing was ever published. */
export async function publishedIndex(context: IndexContext): Promise<IndexRef> {
  const ref = await readIndex(context)
  if (ref !== undefined) return ref
  throw new Fault('not-found', `nothing was ever published to ${context.environment.bucket}`, {
    at: context.store.name,
    hint: 'run: holdfast index publish; or check the store (--store) and the environment (--env)',
  })
}
