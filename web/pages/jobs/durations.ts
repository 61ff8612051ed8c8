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
            tone: state === 'done' ? ('good' as const) : ('bad' as const),
            text: state === 'done' ? undefined : state,
            href: hrefTo(['jobs', id]),
          },
        ],
  )
}
