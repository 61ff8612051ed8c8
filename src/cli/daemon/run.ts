import { type Execution, isGood, lineOf, type Notifier, type Queue, runDaemon, runOnce, work } from '../../daemon/index.ts'
import { type Clock, codeOfExit, Fault, type LogFields, retrying } from '../../kit/index.ts'
import type { Call } from '../command.ts'
import { exitDiffers } from '../exit.ts'
import { executionToJson } from '../jobs/text.ts'
import { openNotifiers } from '../notify/open.ts'
import type { Outcome } from '../output.ts'
import { printable } from '../width.ts'
import { countText, tookText } from '../words.ts'
import { type Current, openCurrent } from './current.ts'
import { type Inside, runInProcess } from './in-process.ts'
import { goneWorkers, thisWorker } from './process.ts'
import { splits, splitter } from './split.ts'

export interface DaemonFlags {
  readonly once?: boolean
}

export interface WorkerFlags {
  readonly concurrency?: number
}

export async function runDaemonCommand(call: Call<DaemonFlags>, inside: Inside): Promise<Outcome> {
  const { screen, options } = call
  using current = await openCurrent(call, inside, (config) => openNotifiers(call, config))
  const queue = await openSteadily(call)
  const tally = openTally(call)
  const settings = await settingsOf(call, current, queue, inside, tally)
  const { jobs } = current.config()
  if (jobs.length === 0)
    call.report({ kind: 'note', level: 'warning', text: 'no job is configured: only what others put into the queue is done' })
  if (options.once === true) {
    const exit = await runOnce(settings)
    return outcomeOf(exit, tally)
  }
  screen.say(printable(`${countText(jobs.length, 'job')}, queue ${queue.name} (Ctrl-C ends it)`))
  await runDaemon(settings)
  return { result: tally.result(), text: `ended: ${tally.text()}` }
}

export async function runWorkerCommand(call: Call<WorkerFlags>, inside: Inside): Promise<Outcome> {
  using current = await openCurrent(call, inside, (): Notifier[] => [])
  const config = current.config()
  if (config.queue === undefined) {
    throw new Fault('unsupported', 'a worker needs a queue that others can reach too, and none is configured', {
      hint: 'set `queue = "postgres://…"` or HOLDFAST_QUEUE_URL; on one machine `holdfast daemon` does all',
    })
  }
  const queue = await openSteadily(call)
  const tally = openTally(call)
  const settings = await settingsOf(call, current, queue, inside, tally, call.options.concurrency)
  call.screen.say(
    printable(
      `worker ${settings.worker.id}, ${countText(settings.worker.concurrency, 'unit')} at once, queue ${queue.name} (Ctrl-C ends it)`,
    ),
  )
  await work(settings)
  return { result: tally.result(), text: `ended: ${tally.text()}` }
}

/** A daemon is often started together with its database, and waits for it. */
async function openSteadily({ wire, host, report, signal }: Call<object>): Promise<Queue> {
  const opened = await wire()
  const onRetry = (fault: Fault) => report({ kind: 'note', level: 'warning', text: `${fault.message}: trying again` })
  const tries = { clock: host.clock, random: host.random, attempts: Number.POSITIVE_INFINITY, base: 1000, cap: 30_000, onRetry }
  return await retrying(tries, () => opened.queue(), signal)
}

async function settingsOf(
  call: Call<object>,
  current: Current<readonly Notifier[]>,
  queue: Queue,
  inside: Inside,
  tally: Tally,
  concurrency?: number,
) {
  const { host, report, signal } = call
  const { daemon } = current.config()
  const run = runInProcess(call, current.config, flagsOf(call), inside)
  return {
    queue,
    worker: await thisWorker(host, concurrency ?? daemon.concurrency),
    limits: () => current.config().daemon.limits,
    runner: { clock: host.clock, run, split: splitter(current.config, host), tracer: call.tracer },
    clock: host.clock,
    report,
    stop: signal,
    grace: () => current.config().daemon.grace,
    onStart: tally.onStart,
    onEnd: tally.onEnd,
    jobs: () => current.config().jobs,
    splits,
    notifiers: current.made,
    care: {
      isGone: await goneWorkers(),
      get keep() {
        return current.config().daemon.keep
      },
    },
  }
}

/** What the daemon was given and each of its units gets too. The store's and the file's flags are part of the configuration. */
function flagsOf({ options }: Call<object>): string[] {
  return options.limitRate === undefined ? [] : ['--limit-rate', `${options.limitRate}`]
}

/** What is said of units as they come and go, and how many there were. */
interface Tally {
  onStart(execution: Execution): void
  onEnd(execution: Execution, now: Execution | undefined): void
  result(): { done: number; failed: number; again: number }
  text(): string
}

function openTally(call: Call<object>): Tally {
  const counts = { done: 0, failed: 0, again: 0 }
  if (call.options.json === true) call.asLines()
  return {
    onStart: (execution) => tellStart(call, execution),
    onEnd(before, now) {
      if (now === undefined) return
      counts[now.state === 'done' ? 'done' : now.state === 'waiting' ? 'again' : 'failed']++
      tellEnd(call, before, now)
    },
    result: () => ({ ...counts }),
    text: () => `${counts.done} done, ${counts.failed} failed, ${counts.again} to be tried again`,
  }
}

function tellStart(call: Call<object>, execution: Execution): void {
  if (call.options.json === true) return tellEvent(call, 'begin', execution)
  call.log.write('info', `${lineOf(execution.words)}: begins`, { event: 'unit_begin', ...unitFields(execution) })
}

/** The same in every line about a unit. */
function unitFields({ id, job, attempt, worker }: Execution): LogFields {
  return { unit: id, job, try: attempt, worker }
}

const endLevels = { waiting: 'warn', running: 'warn', done: 'info', failed: 'error', dead: 'error', cancelled: 'warn' } as const

function tellEnd(call: Call<object>, before: Execution, now: Execution): void {
  const { options, log, host } = call
  if (options.json === true) return tellEvent(call, 'end', now)
  const { state, exit, code, message, summary, requests, bytes, due } = now
  const isAgain = state === 'waiting'
  const why = state === 'done' || message === undefined ? '' : `: ${message}`
  log.write(endLevels[state], `${lineOf(before.words)}: ${isAgain ? `tried again ${againText(host.clock, due)}` : state}${why}`, {
    event: 'unit_end',
    ...unitFields(before),
    exit,
    code,
    duration_ms: Math.max(0, host.clock.now() - (before.started ?? host.clock.now())),
    next_try: isAgain ? new Date(due).toISOString() : undefined,
    summary,
    requests,
    bytes,
  })
}

/** A document in a line, for programs that read logs. */
function tellEvent({ screen, host }: Call<object>, event: string, execution: Execution): void {
  screen.result(JSON.stringify({ time: new Date(host.clock.now()).toISOString(), event, unit: executionToJson(execution) }))
}

function againText(clock: Clock, due: number): string {
  const wait = due - clock.now()
  return wait <= 0 ? 'at once' : `in ${tookText(wait)}`
}

function outcomeOf(exit: number, tally: Tally): Outcome {
  const outcome = { result: { ...tally.result(), exit }, text: tally.text() }
  if (isGood(exit)) return outcome
  if (exit === exitDiffers) return { ...outcome, differs: true }
  return {
    ...outcome,
    incomplete: new Fault(codeOfExit(exit) ?? 'bug', 'not all jobs went well', {
      hint: 'holdfast jobs list shows which; holdfast jobs log ID what they said',
    }),
  }
}
