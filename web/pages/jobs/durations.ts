import type { Execution } from '../../api/live.ts'
import type { Point } from '../../parts/plot.tsx'
import { hrefTo } from '../../shell/place.ts'

/** Those that have ended. */
export function durationsOf(executions: readonly Execution[]): Point[] {
  return executions.flatMap(({ id, started, ended, state }) =>
    started === undefined || ended === undefined || (state !== 'done' && state !== 'failed' && state !== 'dead')
      ? []
      : [
          {
            key: String(id),
            at: ended,
            took: Date.parse(ended) - Date.parse(started),
            isGood: state === 'done',
            href: hrefTo(['jobs', id]),
          },
        ],
  )
}
