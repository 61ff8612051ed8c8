import { Option } from 'commander'
import { Fault } from '../../kit/index.ts'
import type { Rotation, Shifted } from '../../releases/index.ts'
import { renderBox } from '../box.ts'
import type { Call } from '../command.ts'
import type { Outcome } from '../output.ts'
import { printable } from '../width.ts'
import { viewLines } from './text.ts'

export function messageOption(): Option {
  return new Option('--message <text>', 'why; kept in the history')
}

/** Shows the box and asks; without a yes nothing is touched. */
export async function agree(call: Call<object>, title: string, lines: readonly string[]): Promise<void> {
  if (call.options.yes === true) return
  call.screen.say(renderBox(title, lines, call.host.stderr.columns ?? 80, call.host.env))
  if (!(await call.confirm('Go on?'))) throw new Fault('aborted', 'you did not agree: nothing was changed')
}

/** What a move would do, shown and not done. */
export function dryRunOf(rotation: Rotation, facts: object, lines: readonly string[]): Outcome {
  return {
    result: { dryRun: true, ...facts, steps: rotation.steps },
    text: [...lines.map(printable), '', 'dry run: nothing was changed'].join('\n'),
  }
}

/** What else there is to say once the names have moved. */
export function afterMove({ moved, reconciled }: Pick<Shifted, 'moved' | 'reconciled'>): string[] {
  const lost = moved.lost === 0 ? [] : [`  ${moved.lost} others were first; this move went on top of theirs`]
  return [...lost, ...viewLines(reconciled.views, { tense: 'did', paths: false }).map((line) => `  ${line}`)]
}
