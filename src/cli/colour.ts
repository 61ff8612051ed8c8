import { styleText } from 'node:util'
import type { Host, Sink } from './host.ts'

const styles = ['bold', 'dim', 'red', 'green', 'yellow', 'cyan'] as const

/** Functions that colour a text, or give it back as it is where colours are off. */
export type Paint = Readonly<Record<(typeof styles)[number], (text: string) => string>>

/** Whether to colour what goes to `sink`: the flag first, then NO_COLOR, FORCE_COLOR, and else whether it is a terminal. */
export function wantsColour(sink: Pick<Sink, 'isTty'>, env: Host['env'], flag: boolean): boolean {
  if (!flag) return false
  if (env['NO_COLOR'] !== undefined && env['NO_COLOR'] !== '') return false
  const force = env['FORCE_COLOR']
  if (force !== undefined) return force !== '0' && force !== 'false'
  return sink.isTty && env['TERM'] !== 'dumb'
}

export function paintFor(on: boolean): Paint {
  const paint = (style: (typeof styles)[number]) => (text: string) => (on ? styleText(style, text, { validateStream: false }) : text)
  return {
    bold: paint('bold'),
    dim: paint('dim'),
    red: paint('red'),
    green: paint('green'),
    yellow: paint('yellow'),
    cyan: paint('cyan'),
  }
}
