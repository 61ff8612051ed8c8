import { asFault } from '../../kit/index.ts'
import type { Paint } from '../colour.ts'
import { padTo, printable, wrapText } from '../width.ts'

/** One thing that doctor looked at. */
export interface Finding {
  /** What it belongs to: `machine`, `configuration`, a store's name. */
  readonly area: string
  readonly about: string
  readonly level: 'ok' | 'warning' | 'problem'
  readonly says: string
  /** What to do about it. */
  readonly fix?: string | undefined
}

/** A check that could not be made, as a problem. */
export function failed(area: string, about: string, error: unknown): Finding {
  const fault = asFault(error)
  return { area, about, level: 'problem', says: fault.message, fix: fault.hint ?? `see what ${fault.code} means in docs/exit-codes.md` }
}

export function findingsText(findings: readonly Finding[], paint: Paint, width: number | undefined): string {
  const marks = { ok: paint.green('ok     '), warning: paint.yellow('warning'), problem: paint.red('PROBLEM') }
  const widest = Math.max(...findings.map(({ about }) => about.length))
  const indent = ' '.repeat('  PROBLEM  '.length)
  const hang = indent + ' '.repeat(widest + 2)
  const isWide = width === undefined || width - hang.length >= 24
  const wrap = (text: string, lead: string) =>
    wrapText(printable(text), Math.max(20, (width ?? Infinity) - lead.length)).map((line) => lead + line)
  const lines: string[] = []
  for (const [area, found] of Map.groupBy(findings, (finding) => finding.area)) {
    lines.push(...wrap(area, '').map(paint.bold))
    for (const { about, level, says, fix } of found) {
      const told = wrap(says, isWide ? hang : indent)
      if (isWide) lines.push(`  ${marks[level]}  ${padTo(printable(about), widest)}  ${told[0]!.trimStart()}`, ...told.slice(1))
      else lines.push(`  ${marks[level]}  ${printable(about)}`, ...told)
      if (fix !== undefined && level !== 'ok') lines.push(...wrap(`fix: ${fix}`, indent))
    }
    lines.push('')
  }
  return [...lines, summary(findings, paint)].join('\n')
}

function summary(findings: readonly Finding[], paint: Paint): string {
  const count = (level: Finding['level']) => findings.filter((finding) => finding.level === level).length
  const [problems, warnings] = [count('problem'), count('warning')]
  if (problems > 0)
    return (
      paint.red(`${problems} ${problems === 1 ? 'problem' : 'problems'}`) +
      (warnings > 0 ? `, ${warnings} ${warnings === 1 ? 'warning' : 'warnings'}` : '')
    )
  return warnings > 0 ? paint.yellow(`no problem, ${warnings} ${warnings === 1 ? 'warning' : 'warnings'}`) : paint.green('all is well')
}
