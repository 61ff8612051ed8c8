import {
  asFault,
  type Clock,
  codeOfExit,
  Fault,
  formatDuration,
  linkedAbort,
  type Progress,
  type Report,
  type Span,
  type Tracer,
} from '../kit/index.ts'
import { type Ending, type Execution, isGood, type ProgressState, type Unit } from './execution.ts'
import { createLog, type Log } from './log.ts'
import { lineOf } from './words.ts'

/** Runs a command line of holdfast in this process. Throws nothing: what goes wrong is in the exit status. */
export type RunCommand = (
  words: readonly string[],
  options: {
    readonly signal: AbortSignal
    readonly report: Report
    /** What the command says, a whole line at a time. */
    readonly say: (line: string) => void
  },
) => Promise<Ran>

export interface Ran {
  readonly exit: number
  /** The JSON document that it printed. */
  readonly document?: unknown
}

/** The units that take a unit's place: the same command line for one thing each. Throws what stops it from finding them. */
export type SplitUnit = (
  words: readonly string[],
  run: (words: readonly string[]) => Promise<Ran>,
) => Promise<readonly (readonly string[])[]>

export interface Running {
  readonly execution: Execution
  readonly log: Log
  progress(): ProgressState | undefined
  /** Does what belongs to this try, for those who follow it. */
  within<T>(work: () => T): T
  /** Asks it to end; `ended` tells how it did. */
  stop(why: 'cancelled' | 'handed-back'): void
  readonly ended: Promise<Ending>
}

export interface Runner {
  readonly clock: Clock
  readonly run: RunCommand
  readonly split: SplitUnit
  /** Follows each try, as a trace of its own. */
  readonly tracer?: Tracer | undefined
}

/** Begins a unit. */
export function startUnit(execution: Execution, { clock, run, split, tracer }: Runner): Running {
  const log = createLog(clock)
  const span = tracer && spanOf(execution, tracer)
  const within: Running['within'] = (work) => (span === undefined ? work() : span.within(work))
  const stopping = new AbortController()
  let stopped: 'cancelled' | 'handed-back' | 'timeout' | undefined
  let progress: ProgressState | undefined
  const stop = (why: NonNullable<typeof stopped>, says: string) => {
    stopped ??= why
    stopping.abort(new Fault('aborted', says))
  }
  const options = {
    signal: stopping.signal,
    say: log.say,
    report: (event: Progress) => void (progress = afterEvent(progress, event)),
  }
  const work = async (): Promise<Ending> => {
    using limit = timeLimit(execution, clock, stopping.signal, (says) => stop('timeout', says))
    void limit
    const ending = execution.splits
      ? await splitInto(execution, split, (words) => run(words, options))
      : endingOf(await run(execution.words, options))
    if (stopped === undefined || ending.exit === 0) return ending
    if (stopped === 'timeout') return { kind: 'timeout', message: `stopped after ${formatDuration(execution.timeout ?? 0)}` }
    return { kind: stopped }
  }
  return {
    execution,
    log,
    progress: () => progress,
    stop: (why) => stop(why, why === 'cancelled' ? 'cancelled' : 'the daemon ends'),
    within,
    ended: within(work)
      .catch((error: unknown) => faultEnding(error))
      .then((ending) => {
        endSpan(span, ending)
        return ending
      }),
  }
}

function spanOf({ id, job, source, attempt, worker, words }: Execution, tracer: Tracer): Span {
  const attributes = {
    'holdfast.unit.id': id,
    'holdfast.unit.try': attempt,
    'holdfast.unit.command': lineOf(words),
    'holdfast.job': job,
    'holdfast.worker': worker,
  }
  return tracer.begin(`unit ${job ?? source}`, { kind: 'consumer', isRoot: true, attributes })
}

function endSpan(span: Span | undefined, ending: Ending): void {
  if (ending.kind !== 'exit') return span?.end(ending.kind)
  span?.set({ 'holdfast.unit.exit': ending.exit, 'holdfast.unit.count': ending.units?.length })
  span?.end(isGood(ending.exit) ? undefined : (ending.code ?? String(ending.exit)))
}

type Exit = Extract<Ending, { kind: 'exit' }>

async function splitInto(execution: Execution, split: SplitUnit, run: (words: readonly string[]) => Promise<Ran>): Promise<Exit> {
  try {
    const lines = await split(execution.words, run)
    const units = lines.map((words): Unit => ({ ...unitLike(execution), key: keyOf(words), words, splits: false }))
    return { kind: 'exit', exit: 0, summary: units.length === 0 ? 'nothing to do' : `${units.length} units`, units }
  } catch (error) {
    return faultEnding(error)
  }
}

function unitLike({ source, priority, timeout, job, firing }: Execution): Omit<Unit, 'key' | 'words' | 'splits'> {
  return { source, priority, timeout, job, firing }
}

/** Two command lines with the same words do the same. */
export function keyOf(words: readonly string[]): string {
  return JSON.stringify(words)
}

function timeLimit({ timeout }: Execution, clock: Clock, outer: AbortSignal, stop: (says: string) => void): Disposable {
  if (timeout === undefined) return { [Symbol.dispose]: () => undefined }
  const link = linkedAbort(outer)
  clock.sleep(timeout, link.controller.signal).then(
    () => stop(`it took longer than ${formatDuration(timeout)}`),
    () => undefined,
  )
  return {
    [Symbol.dispose]() {
      link.controller.abort()
      link[Symbol.dispose]()
    },
  }
}

function faultEnding(error: unknown): Exit {
  const { exit, code, message } = asFault(error)
  return { kind: 'exit', exit, code, message }
}

const shortText = 300
/** Longer ones are digests, paths and the like. */
const longestWord = 40

/** What the JSON document of a command says about it, in short. */
function endingOf({ exit, document }: Ran): Exit {
  const { result, fault, stats } = isTable(document) ? document : {}
  const told = { kind: 'exit' as const, exit, ...costOf(stats) }
  if (isTable(fault))
    return {
      ...told,
      code: textOr(fault['code'], codeOfExit(exit)),
      message: textOr(fault['message'], undefined),
      summary: summaryOf(result),
    }
  return { ...told, code: codeOfExit(exit), summary: summaryOf(result) }
}

function costOf(stats: unknown): { requests?: number; bytes?: number } {
  if (!isTable(stats)) return {}
  return { requests: sumOf(stats['requests']), bytes: sumOf(stats['bytes']) }
}

function sumOf(counts: unknown): number {
  return isTable(counts) ? Object.values(counts).reduce<number>((sum, count) => sum + (typeof count === 'number' ? count : 0), 0) : 0
}

/** The plain members of a result, as far as they go into a line. */
function summaryOf(result: unknown): string | undefined {
  if (!isTable(result)) return undefined
  const parts = Object.entries(result).flatMap(([name, value]) => {
    if (Array.isArray(value)) return [`${name} ${value.length}`]
    if (value === true) return [name]
    const isTelling = typeof value === 'number' || (typeof value === 'string' && value.length <= longestWord)
    return isTelling && !/^\d{4}-\d\d-\d\dT/.test(String(value)) ? [`${name} ${value}`] : []
  })
  return parts.length === 0 ? undefined : cut(parts.join(', '))
}

function textOr(value: unknown, other: string | undefined): string | undefined {
  return typeof value === 'string' ? cut(value) : other
}

function cut(text: string): string {
  return text.length > shortText ? `${text.slice(0, shortText - 3)}...` : text
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function afterEvent(progress: ProgressState | undefined, event: Progress): ProgressState | undefined {
  if (event.kind === 'begin') return { task: event.task, items: 0, bytes: 0, totalItems: event.items, totalBytes: event.bytes }
  if (event.kind !== 'advance' || progress?.task !== event.task) return progress
  return { ...progress, items: progress.items + (event.items ?? 0), bytes: progress.bytes + (event.bytes ?? 0) }
}
