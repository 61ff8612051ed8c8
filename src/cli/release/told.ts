import type { Rotation, Shifted } from '../../releases/index.ts'
import type { Outcome } from '../output.ts'
import { printable } from '../width.ts'
import { viewLines } from './text.ts'

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
