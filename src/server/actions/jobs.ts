import * as v from 'valibot'
import { type Execution, fireJob, lineOf } from '../../daemon/index.ts'
import { Fault } from '../../kit/index.ts'
import { jobsOf } from '../routes/jobs.ts'
import { name } from '../routes/shapes.ts'
import type { Served } from '../served.ts'
import { action, type Done, type Planned } from './action.ts'

const execution = { execution: v.pipe(v.number(), v.integer(), v.minValue(1)) }

export const jobActions = [
  action({
    id: 'runJob',
    tag: 'jobs',
    path: '/job-run',
    scope: 'job:run',
    summary: 'Put a configured job into the queue now, whatever its schedule says',
    body: { job: name },
    plan: async (acting, { job: named }) => {
      const { jobs, queue, splits } = jobsOf(acting)
      const job = jobs.find((each) => each.name === named)
      if (job === undefined) {
        throw new Fault('not-found', `there is no job ${JSON.stringify(named)}`, {
          hint: `there is: ${jobs.map((each) => each.name).join(', ') || 'none'}`,
        })
      }
      const waiting = await queue()
      const expected = (await waiting.jobs()).find((state) => state.name === named)?.fired ?? 0
      return {
        lines: [`holdfast ${lineOf(job.words)} is run as soon as a worker is free`],
        facts: { words: job.words },
        carryOut: async (): Promise<Done> => {
          await waiting.introduce([named])
          const fired = await fireJob(waiting, job, { expected, due: acting.clock.now(), splits: splits(job.words) })
          if (fired === 'not-ours') throw new Fault('busy', `${named} waits or runs already`)
          return { after: { job: named } }
        },
      }
    },
  }),
  action({
    id: 'retryExecution',
    tag: 'jobs',
    path: '/job-retry',
    scope: 'job:run',
    summary: 'Let what failed wait again, with all of its tries',
    body: execution,
    plan: async (acting, { execution: id }) => await onExecution(acting, id, 'is tried again', async (queue) => await queue.retry(id)),
  }),
  action({
    id: 'cancelExecution',
    tag: 'jobs',
    path: '/job-cancel',
    scope: 'job:run',
    summary: 'Cancel what waits, and stop what runs',
    body: execution,
    plan: async (acting, { execution: id }) => await onExecution(acting, id, 'is cancelled', async (queue) => await queue.cancel(id)),
  }),
  action({
    id: 'verifyStore',
    tag: 'store',
    path: '/store-verify',
    scope: 'store:verify',
    summary: 'Put a check of the whole store into the queue: names and sizes, and with `readData` every byte',
    body: { readData: v.optional(v.boolean()) },
    plan: async (acting, { readData = false }) => {
      const { queue: open, splits } = jobsOf(acting)
      const queue = await open()
      const words = ['store', 'verify', ...(readData ? ['--read-data'] : [])]
      return {
        lines: [`holdfast ${lineOf(words)} is run as soon as a worker is free`],
        facts: { words },
        carryOut: async (): Promise<Done> => {
          const [added] = await queue.add([{ key: JSON.stringify(words), words, source: 'store', priority: 0, splits: splits(words) }])
          return { after: { execution: added?.id ?? 0 } }
        },
      }
    },
  }),
]

async function onExecution(
  acting: Served,
  id: number,
  what: string,
  change: (queue: Awaited<ReturnType<ReturnType<typeof jobsOf>['queue']>>) => Promise<boolean>,
): Promise<Planned> {
  const queue = await jobsOf(acting).queue()
  const found = await queue.execution(id)
  if (found === undefined) throw new Fault('not-found', `there is no execution ${id}`)
  return {
    lines: [`holdfast ${lineOf(found.words)}, which is ${found.state}, ${what}`],
    facts: { id, state: found.state, attempt: found.attempt } satisfies Pick<Execution, 'id' | 'state' | 'attempt'>,
    carryOut: async (): Promise<Done> => {
      if (!(await change(queue))) throw new Fault('nothing-to-do', `execution ${id} is not in a state for that any more`)
      return { before: { state: found.state }, after: { state: (await queue.execution(id))?.state } }
    },
  }
}
