import { type Command, Option } from 'commander'
import { type Execution, fireJob, lineOf, plannedFirings, type Queue, type State, states } from '../daemon/index.ts'
import { Fault } from '../kit/index.ts'
import { type Call, type Cli, parsedOption } from './command.ts'
import { splits } from './daemon/split.ts'
import { followLog } from './jobs/follow.ts'
import { executionLines, executionToJson, jobToJson, listText, workerToJson } from './jobs/text.ts'
import { targetToJson, toldTargets } from './notify/text.ts'
import type { Outcome } from './output.ts'
import { printable } from './width.ts'

interface ListFlags {
  readonly state?: readonly State[]
  readonly job?: string
  readonly limit: number
}

interface LogFlags {
  readonly follow?: boolean
}

/** `holdfast jobs …`: what the daemon does, has done and will do. */
export function addJobsCommands(jobs: Command, cli: Cli): void {
  cli.add<ListFlags>(jobs, {
    name: 'list',
    summary: 'Show each job with its last and next run, the latest units of work, and who holds what',
    options: [
      parsedOption('--state <states>', `only units in these states: ${states.join(', ')}`, parseStates),
      new Option('--job <name>', 'only units of this job'),
      parsedOption('--limit <count>', 'so many units at most', parseLimit).default(20),
    ],
    examples: [
      ['holdfast jobs list', 'all at a glance'],
      ['holdfast jobs list --state dead,failed', 'what went wrong'],
    ],
    run: list,
  })
  cli.add(jobs, {
    name: 'show',
    summary: 'Show one unit of work: its command, tries, worker, progress and result',
    args: [idArgument],
    examples: [['holdfast jobs show 128', 'the unit with this number']],
    run: async (call) => {
      const execution = await executionFrom(call, await queueOf(call))
      return { result: executionToJson(execution), text: executionLines(execution, call).join('\n') }
    },
  })
  cli.add<LogFlags>(jobs, {
    name: 'log',
    summary: 'Print what a unit of work said',
    args: [idArgument],
    options: [new Option('--follow', 'go on until it has ended; exit status 1 where it did not end well')],
    examples: [
      ['holdfast jobs log 128', 'all that it said'],
      ['holdfast jobs log 128 --follow', 'as it says it, with its progress'],
    ],
    run: log,
  })
  addHandCommands(jobs, cli)
}

const idArgument = ['<id>', 'the number of the unit, as `holdfast jobs list` shows it'] as const

/** What changes something. */
function addHandCommands(jobs: Command, cli: Cli): void {
  cli.add(jobs, {
    name: 'retry',
    summary: 'Put a unit that failed, is dead or was cancelled back into the queue; one that waits for its next try, now',
    args: [idArgument],
    examples: [['holdfast jobs retry 128', 'with all of its tries again']],
    run: async (call) => {
      const queue = await queueOf(call)
      const { id, state, key } = await executionFrom(call, queue)
      if (await queue.retry(id)) return { result: { id, state: 'waiting' }, text: `#${id} waits for a worker` }
      const same = (await queue.executions({ states: ['waiting', 'running'], limit: 1000 })).find(
        (other) => other.key === key && other.id !== id,
      )
      if (same !== undefined)
        throw new Fault('nothing-to-do', `#${same.id} does the same and is ${same.state}`, {
          hint: `holdfast jobs log ${same.id} --follow`,
        })
      throw new Fault('nothing-to-do', `#${id} is ${state}`, {
        hint: state === 'done' ? 'holdfast jobs run NAME runs its job again' : 'cancel it first',
      })
    },
  })
  cli.add(jobs, {
    name: 'cancel',
    summary: 'Take a unit of work out of the queue; one that runs is stopped',
    args: [idArgument],
    examples: [['holdfast jobs cancel 128', 'what it has done so far stays done']],
    run: async (call) => {
      const queue = await queueOf(call)
      const { id, state } = await executionFrom(call, queue)
      if (!(await queue.cancel(id))) throw new Fault('nothing-to-do', `#${id} has ended: it is ${state}`)
      const now = await queue.execution(id)
      return {
        result: { id, state: now?.state },
        text: now?.state === 'running' ? `#${id} is being stopped by its worker` : `#${id} is cancelled`,
      }
    },
  })
  cli.add(jobs, {
    name: 'run',
    summary: 'Run a job now, whatever its schedule says: a daemon or worker takes it',
    args: [['<name>', 'the job']],
    examples: [['holdfast jobs run images-sync', 'do not wait for its time']],
    run: runNow,
  })
}

async function list(call: Call<ListFlags>): Promise<Outcome> {
  const { options, host } = call
  const queue = await queueOf(call)
  const { jobs: configured, notify } = await call.config()
  const [known, units, workers, counts, told] = [
    await queue.jobs(),
    await queue.executions({ states: options.state, job: options.job, limit: options.limit }),
    await queue.workers(),
    await queue.counts(),
    notify.length === 0 ? [] : toldTargets(notify, await queue.targets()),
  ]
  const planned = plannedFirings(configured, known, host.clock.now(), queue.id)
  const jobs = configured.map((job) => ({ job, state: known.find(({ name }) => name === job.name), due: planned.get(job.name) }))
  return {
    result: {
      queue: queue.name,
      jobs: jobs.map(jobToJson),
      units: units.map(executionToJson),
      counts,
      workers: workers.map((worker) => workerToJson(worker, units)),
      notifications: told.map(targetToJson),
    },
    text: listText({ jobs, units, workers, counts, told }, call),
  }
}

async function log(call: Call<LogFlags>): Promise<Outcome> {
  const queue = await queueOf(call)
  const execution = await executionFrom(call, queue)
  if (call.options.follow === true) {
    const ended = await followLog(call, queue, execution)
    return { result: executionToJson(ended), text: executionLines(ended, call).join('\n'), differs: ended.state !== 'done' }
  }
  const lines = []
  for (let after = 0; ; after = lines.at(-1)!.id) {
    const more = await queue.log(execution.id, after)
    lines.push(...more)
    if (more.length === 0) break
  }
  return {
    result: {
      ...executionToJson(execution),
      lines: lines.map(({ attempt, at, text }) => ({ attempt, at: new Date(at).toISOString(), text })),
    },
    text: lines.map(({ text }) => printable(text)).join('\n'),
  }
}

async function runNow(call: Call<object>): Promise<Outcome> {
  const queue = await queueOf(call)
  const { jobs, file } = await call.config()
  const name = call.args[0] ?? ''
  const job = jobs.find((each) => each.name === name)
  if (job === undefined) {
    throw new Fault('invalid', `there is no job ${JSON.stringify(name)}`, {
      at: file,
      hint: jobs.length === 0 ? 'write a [[job]] into holdfast.toml' : `choose one of: ${jobs.map((each) => each.name).join(', ')}`,
    })
  }
  await queue.introduce([name])
  const state = (await queue.jobs()).find((each) => each.name === name)
  const fired =
    state === undefined || state.open > 0
      ? 'not-ours'
      : await fireJob(queue, job, { expected: state.fired, due: call.host.clock.now(), splits: splits(job.words) })
  if (fired !== 'fired') throw new Fault('busy', `the job ${name} runs already`, { hint: 'holdfast jobs list shows its units' })
  const [unit] = await queue.executions({ job: name, limit: 1 })
  if ((await queue.workers()).length === 0)
    call.report({ kind: 'note', level: 'warning', text: 'nobody works on this queue now: it waits for `holdfast daemon`' })
  return { result: { job: name, id: unit?.id }, text: `#${unit?.id} waits for a worker: ${lineOf(job.words)}` }
}

async function queueOf(call: Call<object>): Promise<Queue> {
  return await (await call.wire()).queue()
}

async function executionFrom(call: Call<object>, queue: Queue): Promise<Execution> {
  const text = (call.args[0] ?? '').replace(/^#/, '')
  if (!/^\d{1,15}$/.test(text))
    throw new Fault('invalid', `not the number of a unit: ${JSON.stringify(call.args[0])}`, {
      hint: 'holdfast jobs list shows the numbers',
    })
  const found = await queue.execution(Number(text))
  if (found !== undefined) return found
  throw new Fault('not-found', `there is no unit #${text}`, {
    at: queue.name,
    hint: 'holdfast jobs list shows which there are; old ones are forgotten',
  })
}

function parseStates(text: string): State[] {
  return text.split(',').map((name) => {
    const state = states.find((each) => each === name.trim())
    if (state === undefined) throw new Fault('invalid', `not a state: ${JSON.stringify(name)}`, { hint: `choose of: ${states.join(', ')}` })
    return state
  })
}

function parseLimit(text: string): number {
  const limit = Number(text)
  if (/^\d{1,5}$/.test(text) && limit > 0) return limit
  throw new Fault('invalid', `not a number of units: ${JSON.stringify(text)}`, { hint: 'write a number from 1 to 99999' })
}
