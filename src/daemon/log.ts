import { type Clock, redact } from '../kit/index.ts'
import type { Line } from './queue.ts'

/** What one try of a unit says, until the queue has it. */
export interface Log {
  readonly say: (line: string) => void
  /** The lines since the last time. */
  take(): Line[]
  /** Lines that could not be delivered: they come again with the next ones. */
  putBack(lines: readonly Line[]): void
}

const mostLines = 20_000
const longestLine = 4000

export function createLog(clock: Clock): Log {
  let lines: Line[] = []
  let said = 0
  return {
    say(text) {
      said++
      if (said === mostLines) lines.push({ at: clock.now(), text: `more than ${mostLines} lines: the rest is not kept` })
      if (said >= mostLines) return
      const safe = redact(text).replaceAll('\0', '')
      lines.push({ at: clock.now(), text: safe.length > longestLine ? `${safe.slice(0, longestLine - 3)}...` : safe })
    },
    take() {
      const taken = lines
      lines = []
      return taken
    },
    putBack(back) {
      lines = [...back, ...lines]
    },
  }
}
