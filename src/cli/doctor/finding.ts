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
  const indent = 2 + 7 + 2
  const lines: string[] = []
  for (const [area, found] of Map.groupBy(findings, (finding) => finding.area)) {
    lines.push(paint.bold(printable(area)))
    for (const { about, level, says, fix } of found) {
      const room = width === undefined ? Infinity : width - indent - widest - 2
      const [first, ...rest] = room < 20 ? [says] : wrapText(printable(says), room)
      const hang = ' '.repeat(indent + widest + 2)
      lines.push(`  ${marks[level]}  ${padTo(printable(about), widest)}  ${first}`, ...rest.map((line) => hang + line))
      if (fix !== undefined && level !== 'ok') {
        lines.push(
          ...wrapText(printable(`fix: ${fix}`), Math.max(20, (width ?? Infinity) - indent)).map((line) => ' '.repeat(indent) + line),
        )
      }
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
