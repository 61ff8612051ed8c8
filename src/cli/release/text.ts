import { type Digest, formatBytes } from '../../kit/index.ts'
import {
  idToCome,
  type ReconciledView,
  type Row,
  shortId,
  type Shown,
  type SourceCommit,
  type Step,
  type VariantStatus,
} from '../../releases/index.ts'
import { describePlan, isNothing, type Plan, planToJson } from '../../manifest/index.ts'
import type { Paint } from '../colour.ts'
import { type Column, renderTable } from '../table.ts'
import { printable } from '../width.ts'
import { ageText, countText, timeText } from '../words.ts'

/** How to draw for the terminal at hand. */
export interface Look {
  readonly paint: Paint
  /** Undefined where it is no terminal. */
  readonly width: number | undefined
  readonly now: number
}

export function ageOf(created: string, now: number): string {
  return ageText(Math.max(0, now - Date.parse(created)))
}

/** `rcclx 789abc012def, fbsource 12ab34cd56ef (dirty)` */
export function commitsText(sources: Readonly<Record<string, SourceCommit>>): string {
  return Object.entries(sources)
    .map(([name, { commit, dirty }]) => `${name} ${commit.slice(0, 12)}${dirty ? ' (dirty)' : ''}`)
    .join(', ')
}

export function placeText({ channels, archived }: Row): string {
  return channels.length > 0 ? channels.join(', ') : archived === undefined ? '' : `archive ${archived.at}`
}

/** All releases, one in a line. */
export function listText(rows: readonly Row[], { paint, width, now }: Look): string {
  const columns: Column<Row>[] = [
    { header: 'VARIANT', cell: (row) => row.variant, min: 7 },
    { header: 'RELEASE', cell: (row) => shortId(row.id), priority: 6, paint: paint.cyan },
    {
      header: 'WHERE',
      cell: (row) => (row.channels.length > 0 ? row.channels.join(', ') : (row.archived?.at ?? '')),
      paint: (text, row) => (row.channels.includes('stable') ? paint.green(text) : text),
    },
    { header: 'AGE', cell: (row) => ageOf(row.created, now), align: 'right', priority: 5 },
    { header: 'SIZE', cell: (row) => formatBytes(row.size), align: 'right', priority: 4 },
    { header: 'COMMITS', cell: (row) => commitsText(row.sources), min: 18, priority: 3 },
    { header: 'BY', cell: (row) => row.by, min: 8, priority: 2 },
    { header: 'MESSAGE', cell: (row) => row.message ?? '', min: 10, priority: 1 },
  ]
  return renderTable(dropEmpty(columns, rows), rows, { width, paintHeader: paint.bold })
}

/** The variants side by side. */
export function statusText(all: readonly VariantStatus[], look: Look): string {
  const { paint, width, now } = look
  const id = (row: Row | undefined) => (row === undefined ? '-' : shortId(row.id))
  const age = (row: Row | undefined) => (row === undefined ? '' : ageOf(row.created, now))
  const columns: Column<VariantStatus>[] = [
    { header: 'VARIANT', cell: (each) => each.variant + (each.configured ? '' : ' (not configured)'), min: 7 },
    { header: 'STABLE', cell: (each) => id(each.stable), paint: paint.green },
    { header: 'AGE', cell: (each) => age(each.stable), align: 'right', priority: 7 },
    { header: 'SIZE', cell: (each) => (each.stable === undefined ? '' : formatBytes(each.stable.size)), align: 'right', priority: 5 },
    { header: 'LAST-STABLE', cell: (each) => id(each.lastStable), priority: 8 },
    { header: 'AGE', cell: (each) => age(each.lastStable), align: 'right', priority: 4 },
    { header: 'ARCHIVES', cell: (each) => String(each.archives), align: 'right', priority: 6 },
    { header: 'TOTAL', cell: (each) => formatBytes(each.size), align: 'right', priority: 2 },
    { header: 'COMMITS', cell: (each) => commitsText(each.stable?.sources ?? {}), min: 18, priority: 3 },
  ]
  const lines = [renderTable(dropEmpty(columns, all), all, { width, paintHeader: paint.bold })]
  for (const each of all) {
    for (const row of each.others)
      lines.push(
        printable(`${each.variant} ${placeText(row)}: ${shortId(row.id)}, ${ageOf(row.created, now)} old, ${formatBytes(row.size)}`),
      )
    if (each.publishedInLine === false) {
      lines.push(
        `${paint.yellow('behind:')} the published files of ${each.variant} have not followed its last move; run: holdfast release reconcile`,
      )
    }
  }
  return lines.join('\n')
}

/** One release with everything that is known of it. */
export function showText(product: string, shown: Shown, { paint, now }: Look): string {
  const { release } = shown
  const facts: [string, string][] = [
    ['release', shown.id],
    ['created', `${timeText(shown.created)} (${ageOf(shown.created, now)} ago) by ${shown.by}`],
    ...(shown.message === undefined ? [] : [['message', shown.message] as [string, string]]),
    ['where', placeText(shown)],
    ...(shown.pinned ? [['pinned', 'yes: it stays, whatever is pruned'] as [string, string]] : []),
    ...Object.entries(release.fields).map(([name, value]): [string, string] => [name, value]),
    ...Object.entries(release.sources).map(([name, { commit, dirty, system }]): [string, string] => [
      name,
      `${commit} (${system}${dirty ? ', dirty' : ''})`,
    ]),
    ...release.files.flatMap((file): [string, string][] => [
      ['file', `${file.path}  ${formatBytes(file.size)}`],
      ['  sha256', file.digest.slice('sha256:'.length)],
      ['  sha1', file.sha1],
    ]),
    ...shown.published.map((key): [string, string] => ['published', key]),
  ]
  const widest = Math.max(...facts.map(([name]) => name.length))
  const lines = facts.map(
    ([name, value]) => `${paint.dim(name.padEnd(widest))}  ${printable(value).replaceAll('\n', `\n${' '.repeat(widest + 2)}`)}`,
  )
  return [paint.bold(printable(`${product} ${shown.variant}: ${shown.as}`)), ...lines].join('\n')
}

/** What a move does to the names, a line each, in order. */
export function stepLines(steps: readonly Step[], variant: string, tense: 'will' | 'did'): string[] {
  const name = (id: Digest) => (id === idToCome ? 'the new release' : shortId(id))
  return steps.map((step) => {
    switch (step.kind) {
      case 'archive':
        return `${name(step.release)}  ${step.from} -> archives/${variant}/${step.at}`
      case 'point':
        return `${name(step.release)}  -> ${step.channel}${step.before === undefined ? '' : ` (${tense === 'will' ? 'now' : 'was'} ${shortId(step.before)})`}`
      case 'empty':
        return `${shortId(step.before)}  leaves ${step.channel}, which ${tense === 'will' ? 'will be' : 'is'} empty`
      case 'drop':
        return `${name(step.release)}  dropped: archives/${variant}/${step.at}`
    }
  })
}

/** How each place that follows the ref stands, or what was done to it; with `paths`, file by file. */
export function viewLines(
  views: readonly ReconciledView[],
  options: { readonly tense: 'will' | 'did'; readonly paths: boolean },
): string[] {
  return views.flatMap(({ kind, where, plan, foreign }) => {
    const lines = options.paths ? describePlan(plan, 20).slice(0, -1) : []
    const others =
      foreign.length === 0 ? [] : [`  left alone: ${countText(foreign.length, 'file')} that holdfast did not write, such as ${foreign[0]}`]
    return [
      `${kind.padEnd('published'.length)}  ${where}: ${planText(plan, options.tense)}`,
      ...lines.map((line) => `  ${line}`),
      ...others,
    ]
  })
}

/** `1 added, 2 replaced (286 MiB)` */
function planText(plan: Plan, tense: 'will' | 'did'): string {
  if (isNothing(plan)) return `in line, ${countText(plan.unchanged, 'file')}`
  const [add, change, remove] = tense === 'did' ? ['added', 'replaced', 'removed'] : ['to add', 'to replace', 'to remove']
  const counts = [
    { count: plan.adds.length, word: add },
    { count: plan.changes.length, word: change },
    { count: plan.removes.length, word: remove },
  ]
  const said = counts.filter(({ count }) => count > 0).map(({ count, word }) => `${count} ${word}`)
  return `${said.join(', ')} (${formatBytes(plan.bytes)})`
}

export function viewsToJson(views: readonly ReconciledView[]): unknown[] {
  return views.map(({ kind, where, plan, foreign }) => ({ kind, where, plan: planToJson(plan), foreign }))
}

function dropEmpty<R>(columns: readonly Column<R>[], rows: readonly R[]): Column<R>[] {
  return columns.filter((column) => rows.some((row) => column.cell(row) !== ''))
}
