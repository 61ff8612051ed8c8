import type { Host } from './host.ts'
import { truncate } from './width.ts'

/** Both streams of the terminal, and the one live line that must never get in the way of either. */
export interface Screen {
  /** Results: stdout. */
  result(text: string): void
  /** Talk: stderr, one or more whole lines. */
  say(text: string): void
  /** Replaces the live line on stderr's terminal; undefined clears it. Nothing where stderr is no terminal. */
  live(line: string | undefined): void
  /** Runs `work` with the live line out of the way, for a prompt. */
  hold<T>(work: () => Promise<T>): Promise<T>
}

const clearLine = '\r\u001b[2K'

export function openScreen(host: Pick<Host, 'stdout' | 'stderr'>): Screen {
  const { stdout, stderr } = host
  let shown: string | undefined
  let held = 0
  const clear = () => {
    if (shown !== undefined) stderr.write(clearLine)
  }
  const redraw = () => {
    if (shown !== undefined) stderr.write(shown)
  }
  return {
    result(text) {
      clear()
      stdout.write(`${text}\n`)
      redraw()
    },
    say(text) {
      clear()
      stderr.write(`${text}\n`)
      redraw()
    },
    live(line) {
      if (!stderr.isTty || held > 0) return
      if (line === undefined) {
        clear()
        shown = undefined
        return
      }
      const next = truncate(line, (stderr.columns ?? 80) - 1)
      if (next === shown) return
      stderr.write(clearLine + next)
      shown = next
    },
    async hold(work) {
      clear()
      shown = undefined
      held++
      try {
        return await work()
      } finally {
        held--
      }
    },
  }
}
