import type { HeldChange, TargetState, Telling } from './change.ts'
import type { Ending, Execution, ProgressState, State, Unit } from './execution.ts'
import type { JobState } from './job.ts'

/** At most so many units of a source at once, over all workers. */
export type Limits = Readonly<Record<string, number>>

/** A process that takes units. */
export interface Worker {
  /** Of this start of the process: never used again. */
  readonly id: string
  readonly host: string
  readonly pid: number
  /** Names the set of processes that can see one another by `pid`; undefined where that is not known. */
  readonly machine?: string | undefined
  readonly concurrency: number
}

export interface WorkerState extends Worker {
  readonly started: number
  /** When it last said that it lives. */
  readonly beaten: number
}

export interface Firing {
  readonly job: string
  /** How often the job was fired before; where it was fired since, this firing is someone else's. */
  readonly expected: number
  /** The slot of the schedule. */
  readonly due: number
  readonly units: readonly Unit[]
}

export interface Added {
  readonly id: number
  /** False: a unit with this key waits or runs already, and this is its id. */
  readonly isNew: boolean
}

/** What a worker says about a unit that it holds. */
export interface Told {
  readonly id: number
  readonly attempt: number
  readonly progress?: ProgressState | undefined
  readonly lines: readonly Line[]
}

export interface Line {
  readonly at: number
  readonly text: string
}

export interface LogLine extends Line {
  /** Grows with each line: where to go on from. */
  readonly id: number
  readonly attempt: number
}

export interface Held {
  readonly id: number
  readonly attempt: number
  readonly isCancelling: boolean
}

export interface ExecutionQuery {
  readonly states?: readonly State[] | undefined
  readonly job?: string | undefined
  readonly firing?: number | undefined
  /** Only those with a smaller id: the next page. */
  readonly before?: number | undefined
  readonly limit?: number | undefined
}

/**
 * Units of work, kept until they are done, with what became of them.
 *
 * Promises: what was added is done, or waits, or failed in sight; a unit is held by one worker at a time, and only its holder can end it; the
 * units of one firing are added all or none, and a job is not fired while it is open. Every call is one step: killed anywhere, it was done or
 * it was not. Throws `unavailable` where the queue cannot be reached.
 */
export interface Queue {
  /** What messages call it, without secrets. */
  readonly name: string
  /** Of this queue, for ever. */
  readonly id: string
  add(units: readonly Unit[]): Promise<Added[]>
  /** Makes jobs known. */
  introduce(jobs: readonly string[]): Promise<void>
  /** The ids of what was added; undefined where the job was fired by someone else, or is open. */
  fire(firing: Firing): Promise<Added[] | undefined>
  /** Those that are due, in order of priority and age; from now on the worker holds them. */
  take(worker: string, count: number, limits: Limits): Promise<Execution[]>
  /** Ends a try and gives what it is now; undefined where the worker did not hold it any more. Units that take its place are added in the same step. */
  end(execution: Execution, ending: Ending): Promise<Execution | undefined>
  /** Says that the worker lives; gives what it holds, as the queue sees it. */
  beat(worker: Worker): Promise<Held[]>
  /** What the worker's units do and say. */
  tell(worker: string, told: readonly Told[]): Promise<void>
  /** The worker has nothing any more and goes. */
  leave(worker: string): Promise<void>
  /** Sees to what nobody does otherwise: units of dead workers, firings whose last unit has ended, records that are too old. */
  tend(care: Care): Promise<void>
  jobs(): Promise<JobState[]>
  /** The newest first. */
  executions(query?: ExecutionQuery): Promise<Execution[]>
  execution(id: number): Promise<Execution | undefined>
  /** How many there are in each state. */
  counts(): Promise<Record<State, number>>
  log(execution: number, after?: number): Promise<LogLine[]>
  /** So many at most, the oldest first. */
  lastLines(execution: number, count: number): Promise<LogLine[]>
  workers(): Promise<WorkerState[]>
  /** What waits is cancelled at once, what runs as soon as its worker hears of it. False: it has ended already. */
  cancel(id: number): Promise<boolean>
  /** What failed, is dead or cancelled waits again, with all of its tries; what waits for its next try waits no longer. False: it runs or is done. */
  retry(id: number): Promise<boolean>
  /**
   * The next change of a job that this target was not told of: whoever asks first holds it for so many milliseconds, and nobody else is given
   * it meanwhile. A target that was never heard of hears of what comes from now on. Undefined where there is none, or its next try is not due.
   */
  holdChange(target: string, hold: number): Promise<HeldChange | undefined>
  /** What became of it. The next one comes when this one was told, passed or given up. */
  endTelling(target: string, held: HeldChange, telling: Telling): Promise<void>
  targets(): Promise<TargetState[]>
  close(): Promise<void>
}

export interface Care {
  /** Whether a worker's process has ended for certain; others are dead when they have not beaten for `lease`. */
  readonly isGone: (worker: WorkerState) => boolean
  /** Milliseconds. */
  readonly lease: number
  /** Milliseconds: what ended before is forgotten. */
  readonly keep: number
}
