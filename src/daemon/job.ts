/** One command line of holdfast that runs again and again. */
export interface Job {
  readonly name: string
  /** The command line, without the word holdfast. */
  readonly words: readonly string[]
  readonly schedule: Schedule
  /** Milliseconds: each firing is later by a part of this, always the same for the same firing. */
  readonly jitter: number
  /** Milliseconds: what takes longer is stopped and tried again. */
  readonly timeout?: number | undefined
  /** What becomes of firings that were missed in sleep or downtime: the last one is made up for, or none. */
  readonly catchUp: 'once' | 'skip'
  /** Higher ones are taken first. */
  readonly priority: number
  /** What limits count by: `github`. */
  readonly source: string
}

export type Schedule =
  /** Milliseconds. */
  | { readonly every: number }
  | { readonly cron: string; readonly timezone: string }
  /** Whenever this other job has ended well. */
  | { readonly after: string }

/** The names of jobs that wait for one another in a circle, or undefined. */
export function circleOf(jobs: readonly Pick<Job, 'name' | 'schedule'>[]): string[] | undefined {
  const before = new Map(jobs.map(({ name, schedule }) => [name, 'after' in schedule ? schedule.after : undefined]))
  for (const { name } of jobs) {
    const way = [name]
    for (let at = before.get(name); at !== undefined && way.length <= jobs.length; at = before.get(at)) {
      way.push(at)
      if (at === name) return way
    }
  }
  return undefined
}

/** What a queue knows of a job. Times are milliseconds since 1970. */
export interface JobState {
  readonly name: string
  /** When it was first seen. */
  readonly since: number
  /** How often it was fired. */
  readonly fired: number
  /** The slot of its schedule that the last firing was for. */
  readonly due?: number | undefined
  /** Units of the last firing that wait or run. */
  readonly open: number
  /** Of the last firing, when all of its units had ended. */
  readonly ended?: number | undefined
  /** The worst exit status of the last firing that ended. */
  readonly exit?: number | undefined
  /** When a firing last ended well. */
  readonly succeeded?: number | undefined
  /** Firings that failed since then. */
  readonly failures: number
}
