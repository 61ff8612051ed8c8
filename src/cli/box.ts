import type { Host } from './host.ts'
import { displayWidth, padTo, printable, wrapText } from './width.ts'

const unicode = { corners: '┌┐└┘', across: '─', down: '│' }
const ascii = { corners: '++++', across: '-', down: '|' }

/** A box around a title and lines, no wider than `width`, drawn with what the locale can show. */
export function renderBox(title: string, lines: readonly string[], width: number, env: Host['env']): string {
  const pen = isUtf8(env) ? unicode : ascii
  const room = Math.max(10, Math.min(width, 100) - 4)
  const body = [...wrapText(printable(title), room), '', ...lines.flatMap((line) => wrapHanging(printable(line), room))]
  const inner = Math.min(room, Math.max(...body.map(displayWidth)))
  const edge = (left: string, right: string) => left + pen.across.repeat(inner + 2) + right
  return [
    edge(pen.corners[0]!, pen.corners[1]!),
    ...body.map((line) => `${pen.down} ${padTo(line, inner)} ${pen.down}`),
    edge(pen.corners[2]!, pen.corners[3]!),
  ].join('\n')
}

/** Wrapped lines that hang where the first one's text begins: after its indent, and after a label that is set off by spaces. */
function wrapHanging(line: string, width: number): string[] {
  const lead = /^ *(?:\S+ {2,})?/.exec(line)![0]
  const hang = ' '.repeat(lead.length)
  return wrapText(line.slice(lead.length), Math.max(8, width - lead.length)).map((part, index) => (index === 0 ? lead : hang) + part)
}

export function isUtf8(env: Host['env']): boolean {
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || ''
  return /utf-?8/i.test(locale)
}
