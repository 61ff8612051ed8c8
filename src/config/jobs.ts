import { circleOf, type Job, parseCron, type Schedule, wordsOf } from '../daemon/index.ts'
import { Fault, parseDuration } from '../kit/index.ts'
import type { Path } from './keys.ts'
import type { WrittenJob } from './schema.ts'

/** Something that the schema cannot see. */
export interface Problem {
  readonly path: Path
  readonly says: string
}

const shortest = 1000

/** The jobs as they are written, and all that is wrong with them. Whether a command exists, only the command line knows. */
export function jobsFrom(written: readonly WrittenJob[]): { jobs: Job[]; problems: Problem[] } {
  const jobs: Job[] = []
  const problems: Problem[] = []
  for (const [at, each] of written.entries()) {
    const offend = (key: string, says: string) => problems.push({ path: ['job', at, key], says })
    const job = jobFrom(each, offend)
    if (job === undefined) continue
    if (jobs.some(({ name }) => name === job.name))
      offend('name', `${JSON.stringify(job.name)} is the name of another job too; give this one its own`)
    else jobs.push(job)
  }
  const names = new Set(jobs.map(({ name }) => name))
  if (problems.length === 0) {
    for (const { name, schedule } of jobs) {
      if (!('after' in schedule) || names.has(schedule.after)) continue
      problems.push({
        path: pathOf(name, 'after'),
        says: `there is no job ${JSON.stringify(schedule.after)}; expected one of: ${[...names].join(', ')}`,
      })
    }
    const circle = circleOf(jobs)
    if (circle !== undefined)
      problems.push({ path: pathOf(circle[0]!, 'after'), says: `the jobs wait for one another: ${circle.join(' after ')}` })
  }
  return { jobs, problems }

  function pathOf(name: string, key: string): Path {
    return ['job', jobs.findIndex((job) => job.name === name), key]
  }
}

function jobFrom(written: WrittenJob, offend: (key: string, says: string) => void): Job | undefined {
  const words = readable('run', () => wordsOf(written.run), offend)
  const schedule = scheduleFrom(written, offend)
  if (words === undefined || schedule === undefined) return undefined
  const jitter = written.jitter === undefined ? 0 : parseDuration(written.jitter)
  if ('every' in schedule && jitter >= schedule.every && jitter > 0) offend('jitter', 'expected less than `every`')
  return {
    name: written.name ?? nameFrom(words),
    words,
    schedule,
    jitter,
    timeout: written.timeout === undefined ? undefined : parseDuration(written.timeout),
    catchUp: written.catch_up,
    priority: written.priority,
    source: written.source ?? words[0]!,
  }
}

function scheduleFrom(written: WrittenJob, offend: (key: string, says: string) => void): Schedule | undefined {
  const { every, at, after, timezone } = written
  const given = Object.entries({ every, at, after }).filter(([, value]) => value !== undefined)
  if (given.length !== 1) {
    offend(
      given[1]?.[0] ?? 'run',
      `expected one of every, at and after${given.length === 0 ? '' : `, found ${given.map(([key]) => key).join(' and ')}`}`,
    )
    return undefined
  }
  if (timezone !== undefined && at === undefined) offend('timezone', 'it means nothing without `at`')
  if (after !== undefined) return { after }
  if (every !== undefined) {
    if (parseDuration(every) >= shortest) return { every: parseDuration(every) }
    offend('every', 'expected a second or more')
    return undefined
  }
  const schedule = { cron: at!, timezone: timezone ?? 'UTC' }
  return readable('at', () => (parseCron(schedule.cron, schedule.timezone), schedule), offend)
}

/** `images sync --missing` is images-sync. */
function nameFrom(words: readonly string[]): string {
  const named = words.filter((word) => /^[A-Za-z0-9][A-Za-z0-9._/-]*$/.test(word))
  return named.join('-').replaceAll('/', '-').slice(0, 100) || 'job'
}

function readable<T>(key: string, read: () => T, offend: (key: string, says: string) => void): T | undefined {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    offend(key, `${error.message}${error.hint === undefined ? '' : `; ${error.hint}`}`)
    return undefined
  }
}
