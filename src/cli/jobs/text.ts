import {
  type Execution,
  type Job,
  type JobState,
  lineOf,
  type plannedFirings,
  type State,
  states,
  type WorkerState,
} from '../../daemon/index.ts'
import { formatBytes, formatDuration } from '../../kit/index.ts'
import type { Call } from '../command.ts'
import { type ToldTarget, troubleLines } from '../notify/text.ts'
import { type Column, renderTable } from '../table.ts'
import { printable } from '../width.ts'
import { ageText, countText, isoTime, numberText, timeText, tookText } from '../words.ts'

type Due = ReturnType<ReturnType<typeof plannedFirings>['get']>

export interface JobRow {
  readonly job: Job
  /** Undefined until a daemon has seen it. */
  readonly state: JobState | undefined
  readonly due: Due
}

export interface Listed {
  readonly jobs: readonly JobRow[]
  readonly units: readonly Execution[]
  readonly workers: readonly WorkerState[]
  readonly counts: Readonly<Record<State, number>>
  /** Who is told when jobs fail. */
  readonly told: readonly ToldTarget[]
}

export function listText({ jobs, units, workers, counts, told }: Listed, call: Call<object>): string {
  const { paint, width, host } = call
  const now = host.clock.now()
  const style = { width, paintHeader: paint.bold }
  const parts: string[] = []
  if (jobs.length > 0) parts.push(renderTable(jobColumns(now), jobs, style))
  else parts.push('no job is configured: write a [[job]] into holdfast.toml')
  if (units.length > 0) parts.push(renderTable(unitColumns(call, now), units, style))
  if (workers.length > 0) parts.push(renderTable(workerColumns(now, units), workers, style))
  const parted = states.filter((state) => counts[state] > 0).map((state) => `${numberText(counts[state])} ${state}`)
  parts.push(parted.length === 0 ? 'no unit of work yet: `holdfast daemon` runs the jobs' : parted.join(', '))
  const trouble = troubleLines(told, now)
  if (trouble.length > 0) parts.push(trouble.map((line) => paint.red(line)).join('\n'))
  if (workers.length === 0) parts.push('nobody works on this queue now: start `holdfast daemon`')
  return parts.join('\n\n')
}

function jobColumns(now: number): Column<JobRow>[] {
  return [
    { header: 'JOB', cell: ({ job }) => job.name, min: 8 },
    { header: 'RUNS', cell: ({ job }) => scheduleText(job), priority: 4 },
    { header: 'LAST', cell: ({ state }) => (state?.ended === undefined ? 'never' : `${ageText(now - state.ended)} ago`), priority: 5 },
    { header: 'EXIT', cell: ({ state }) => (state?.exit === undefined ? '' : String(state.exit)), align: 'right', priority: 3 },
    {
      header: 'FAILED',
      cell: ({ state }) => (state === undefined || state.failures === 0 ? '' : `${state.failures} in a row`),
      priority: 2,
    },
    { header: 'NEXT', cell: (row) => nextText(row, now), priority: 6 },
  ]
}

function scheduleText({ schedule }: Job): string {
  if ('every' in schedule) return `every ${formatDuration(schedule.every)}`
  return 'after' in schedule ? `after ${schedule.after}` : `${schedule.cron} ${schedule.timezone}`
}

function nextText({ state, due }: JobRow, now: number): string {
  if (state !== undefined && state.open > 0) return `now: ${countText(state.open, 'unit')}`
  if (due === undefined) return 'waits'
  return due.at <= now ? 'due' : `in ${ageText(due.at - now)}`
}

function unitColumns({ paint }: Call<object>, now: number): Column<Execution>[] {
  return [
    { header: 'UNIT', cell: ({ id }) => `#${id}`, align: 'right' },
    { header: 'STATE', cell: ({ state }) => state, paint: (text, { state }) => stateColour(state, paint)(text) },
    { header: 'COMMAND', cell: ({ words }) => lineOf(words), min: 16 },
    { header: 'TRY', cell: ({ attempt }) => String(attempt), align: 'right', priority: 1 },
    { header: 'TOOK', cell: (unit) => durationText(unit, now), align: 'right', priority: 3 },
    { header: 'WHEN', cell: (unit) => whenText(unit, now), priority: 4 },
    { header: 'SAYS', cell: saysText, min: 12, priority: 2 },
  ]
}

function stateColour(state: State, paint: Call<object>['paint']): (text: string) => string {
  if (state === 'done') return paint.green
  return state === 'failed' || state === 'dead' ? paint.red : paint.yellow
}

function durationText({ started, ended, state }: Execution, now: number): string {
  if (started === undefined || state === 'waiting') return ''
  return tookText((ended ?? now) - started)
}

function whenText({ state, due, started = 0, ended = 0 }: Execution, now: number): string {
  if (state === 'waiting') return due > now ? `in ${ageText(due - now)}` : 'next'
  return `${ageText(now - (state === 'running' ? started : ended))} ago`
}

function saysText({ state, progress, message, summary, isCancelling }: Execution): string {
  if (isCancelling) return 'is being stopped'
  return state === 'running' ? progressText(progress) : (message ?? summary ?? '')
}

export function progressText(progress: Execution['progress']): string {
  if (progress === undefined) return ''
  const { task, items, bytes, totalItems, totalBytes } = progress
  const parts = [
    items === 0 && totalItems === undefined
      ? []
      : [totalItems === undefined ? numberText(items) : `${numberText(items)} of ${numberText(totalItems)}`],
    bytes === 0 && totalBytes === undefined
      ? []
      : [totalBytes === undefined ? formatBytes(bytes) : `${formatBytes(bytes)} of ${formatBytes(totalBytes)}`],
  ].flat()
  return [task, ...parts].join(', ')
}

function workerColumns(now: number, units: readonly Execution[]): Column<WorkerState>[] {
  return [
    { header: 'WORKER', cell: ({ id }) => id, min: 12 },
    { header: 'SINCE', cell: ({ started }) => `${ageText(now - started)} ago`, priority: 2 },
    { header: 'SEEN', cell: ({ beaten }) => `${ageText(now - beaten)} ago`, priority: 3 },
    {
      header: 'HOLDS',
      cell: ({ id }) =>
        heldBy(id, units)
          .map((held) => `#${held}`)
          .join(' ') || 'nothing',
      min: 8,
    },
  ]
}

function heldBy(worker: string, units: readonly Execution[]): number[] {
  return units.filter((unit) => unit.state === 'running' && unit.worker === worker).map(({ id }) => id)
}

export function executionLines(unit: Execution, { host, paint }: Call<object>): string[] {
  const time = (ms: number | undefined) => (ms === undefined ? undefined : timeText(new Date(ms).toISOString()))
  const rows: [string, string | undefined][] = [
    ['command', `holdfast ${lineOf(unit.words)}`],
    ['job', unit.job],
    ['state', stateColour(unit.state, paint)(unit.isCancelling ? `${unit.state}, is being stopped` : unit.state)],
    ['tries', String(unit.attempt)],
    ['added', time(unit.created)],
    [unit.state === 'waiting' ? 'not before' : 'was due', time(unit.due)],
    ['started', time(unit.started)],
    ['ended', time(unit.ended)],
    ['took', durationText(unit, host.clock.now()) || undefined],
    ['worker', unit.worker],
    ['progress', progressText(unit.progress) || undefined],
    ['exit', unit.exit?.toString()],
    ['because', unit.message],
    ['result', unit.summary],
    ['requests', unit.requests === undefined ? undefined : numberText(unit.requests)],
    ['bytes', unit.bytes === undefined ? undefined : formatBytes(unit.bytes)],
  ]
  const shown = rows.flatMap(([name, value]) => (value === undefined || value === '' ? [] : [`  ${name.padEnd(10)}  ${printable(value)}`]))
  return [paint.bold(`unit #${unit.id}`), ...shown]
}

export function jobToJson({ job, state, due }: JobRow): Record<string, unknown> {
  const { name, words, schedule, priority, source } = job
  return {
    name,
    command: lineOf(words),
    schedule,
    priority,
    source,
    fired: state?.fired ?? 0,
    open: state?.open ?? 0,
    ended: isoTime(state?.ended),
    exit: state?.exit,
    succeeded: isoTime(state?.succeeded),
    failures: state?.failures ?? 0,
    next: isoTime(due?.at),
  }
}

export function executionToJson({
  key: _key,
  words,
  created,
  due,
  started,
  ended,
  splits: _splits,
  ...unit
}: Execution): Record<string, unknown> {
  return { ...unit, command: lineOf(words), created: isoTime(created), due: isoTime(due), started: isoTime(started), ended: isoTime(ended) }
}

export function workerToJson(
  { started, beaten, machine: _machine, ...worker }: WorkerState,
  units: readonly Execution[],
): Record<string, unknown> {
  return { ...worker, started: isoTime(started), seen: isoTime(beaten), holds: heldBy(worker.id, units) }
}
