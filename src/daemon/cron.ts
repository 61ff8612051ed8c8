import { Cron } from 'croner'
import { Fault } from '../kit/index.ts'

export type { Cron }

/** Throws `invalid` for a line that is no cron, a zone that is none, and a line that no time fits. */
export function parseCron(line: string, timezone: string): Cron {
  try {
    const cron = new Cron(line, { timezone, mode: '5-or-6-parts', paused: true })
    if (cron.nextRun(new Date(0)) !== null) return cron
  } catch (error) {
    throw new Fault('invalid', `not a cron line: ${error instanceof Error ? error.message : String(error)}`, {
      hint: 'write minute, hour, day, month and weekday: "0 3 * * *" is each day at three',
      cause: error,
    })
  }
  throw new Fault('invalid', `no time ever fits ${JSON.stringify(line)}`, { hint: 'look at the day and the month' })
}

/** The last time at or before `now`, undefined where there is none. */
export function lastCronSlot(cron: Cron, now: number): number | undefined {
  return cron.previousRuns(1, new Date(now))[0]?.getTime()
}

export function nextCronSlot(cron: Cron, now: number): number | undefined {
  return cron.nextRun(new Date(now))?.getTime()
}
