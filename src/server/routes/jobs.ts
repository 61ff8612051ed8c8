import * as v from 'valibot'
import { type Execution, type Job, lineOf, plannedFirings, states } from '../../daemon/index.ts'
import { Fault } from '../../kit/index.ts'
import type { Served, ServedJobs } from '../served.ts'
import { route } from './route.ts'
import { bytes, count, name, time, whole } from './shapes.ts'

const job = v.object({
  name: v.string(),
  run: v.pipe(v.string(), v.description('The command line, without the word holdfast.')),
  schedule: v.string(),
  next: v.optional(v.pipe(time, v.description('When it is due next; absent where it waits for another job.'))),
  fired: count,
  open: v.pipe(count, v.description('Units of the last firing that wait or run.')),
  ended: v.optional(time),
  exit: v.optional(count),
  succeeded: v.optional(time),
  failures: v.pipe(count, v.description('Firings that failed since the last one that ended well.')),
})

const progress = v.object({
  task: v.string(),
  items: v.number(),
  bytes: v.number(),
  totalItems: v.optional(v.number()),
  totalBytes: v.optional(v.number()),
})

const execution = v.object({
  id: count,
  run: v.string(),
  job: v.optional(v.string()),
  state: v.picklist(states),
  attempt: count,
  due: time,
  created: time,
  started: v.optional(time),
  ended: v.optional(time),
  worker: v.optional(v.string()),
  isCancelling: v.boolean(),
  exit: v.optional(count),
  code: v.optional(v.string()),
  message: v.optional(v.string()),
  summary: v.optional(v.string()),
  requests: v.optional(count),
  bytes: v.optional(bytes),
  progress: v.optional(progress),
})

const worker = v.object({ id: v.string(), host: v.string(), pid: count, concurrency: count, started: time, beaten: time })

const tag = 'jobs'
const one = { execution: whole(1, 999_999_999) }

export const jobRoutes = [
  route({
    id: 'listJobs',
    path: '/jobs',
    tag,
    summary: 'The configured jobs: when they run next, how they ended, and who works',
    response: v.object({
      queue: v.string(),
      jobs: v.array(job),
      counts: v.pipe(v.record(v.string(), count), v.description('Executions in each state.')),
      workers: v.array(worker),
    }),
    freshFor: 1_000,
    run: async (served) => {
      const { jobs, queue: open } = jobsOf(served)
      const queue = await open()
      const [known, counts, workers] = await Promise.all([queue.jobs(), queue.counts(), queue.workers()])
      const planned = plannedFirings(jobs, known, served.clock.now(), queue.id)
      const stateOf = new Map(known.map((state) => [state.name, state]))
      return {
        queue: queue.name,
        jobs: jobs.map((each) => {
          const state = stateOf.get(each.name)
          return {
            name: each.name,
            run: lineOf(each.words),
            schedule: scheduleText(each),
            next: timeText(planned.get(each.name)?.at),
            fired: state?.fired ?? 0,
            open: state?.open ?? 0,
            ended: timeText(state?.ended),
            exit: state?.exit,
            succeeded: timeText(state?.succeeded),
            failures: state?.failures ?? 0,
          }
        }),
        counts,
        workers: workers.map(({ id, host, pid, concurrency, started, beaten }) => ({
          id,
          host,
          pid,
          concurrency,
          started: timeText(started)!,
          beaten: timeText(beaten)!,
        })),
      }
    },
  }),
  route({
    id: 'listExecutions',
    path: '/jobs/executions',
    tag,
    summary: 'What was run, runs and waits, newest first',
    query: {
      job: v.optional(name),
      state: v.optional(v.picklist(states)),
      before: v.optional(v.pipe(whole(1, 999_999_999), v.description('Only those with a smaller id: the next page.'))),
      limit: v.optional(whole(1, 1000)),
    },
    response: v.object({ executions: v.array(execution) }),
    run: async (served, { query: { state, limit = 100, ...query } }) => {
      const queue = await jobsOf(served).queue()
      const found = await queue.executions({ ...query, limit, states: state && [state] })
      return { executions: found.map(plainExecution) }
    },
  }),
  route({
    id: 'getExecution',
    path: '/jobs/executions/{execution}',
    tag,
    summary: 'One execution, with its progress and what it said after a line',
    params: one,
    query: { after: v.optional(v.pipe(whole(0, 999_999_999), v.description('The id of the last line that is known.'))) },
    response: v.object({ ...execution.entries, log: v.array(v.object({ id: count, attempt: count, at: time, text: v.string() })) }),
    run: async (served, { params, query }) => {
      const queue = await jobsOf(served).queue()
      const found = await queue.execution(params.execution)
      if (found === undefined) throw new Fault('not-found', `there is no execution ${params.execution}`)
      const log = await queue.log(params.execution, query.after)
      return { ...plainExecution(found), log: log.map(({ id, attempt, at, text }) => ({ id, attempt, at: timeText(at)!, text })) }
    },
  }),
]

export function jobsOf({ jobs }: Pick<Served, 'jobs'>): ServedJobs {
  if (jobs !== undefined) return jobs
  throw new Fault('unsupported', 'this server has no queue of jobs')
}

export function plainExecution(given: Execution): v.InferOutput<typeof execution> {
  const { id, words, job: of, state, attempt, worker: holder, isCancelling, exit, code, message, summary, requests, bytes: moved } = given
  return {
    id,
    run: lineOf(words),
    job: of,
    state,
    attempt,
    due: timeText(given.due)!,
    created: timeText(given.created)!,
    started: timeText(given.started),
    ended: timeText(given.ended),
    worker: holder,
    isCancelling,
    exit,
    code,
    message,
    summary,
    requests,
    bytes: moved,
    progress: given.progress && { ...given.progress },
  }
}

function scheduleText({ schedule }: Job): string {
  if ('every' in schedule) return `every ${schedule.every / 1000} s`
  return 'after' in schedule ? `after ${schedule.after}` : `at ${schedule.cron} ${schedule.timezone}`
}

function timeText(time: number | undefined): string | undefined {
  return time === undefined ? undefined : new Date(time).toISOString()
}
