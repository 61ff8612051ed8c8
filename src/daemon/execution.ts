import { faultCodes } from '../kit/index.ts'

/** Something that is to be done once and may be done again without harm: one command line. */
export interface Unit {
  /** What it is about: a unit is not added while another with its key waits or runs. */
  readonly key: string
  readonly words: readonly string[]
  readonly source: string
  /** Higher ones are taken first. */
  readonly priority: number
  /** Milliseconds. */
  readonly timeout?: number | undefined
  /** It does nothing itself: it finds the units that take its place. */
  readonly splits: boolean
  readonly job?: string | undefined
  readonly firing?: number | undefined
}

export const states = ['waiting', 'running', 'done', 'failed', 'dead', 'cancelled'] as const

/**
 * waiting: for its time, a worker, or its next try. running: a worker holds it. done. failed: for a reason that another try would not change.
 * dead: every try failed; it stays until it is retried by hand or too old. cancelled: by hand.
 */
export type State = (typeof states)[number]

/** A unit in a queue, and what became of it. Times are milliseconds since 1970. */
export interface Execution extends Unit {
  readonly id: number
  readonly state: State
  /** Tries that began. */
  readonly attempt: number
  /** Not before. */
  readonly due: number
  readonly created: number
  readonly started?: number | undefined
  readonly ended?: number | undefined
  /** Who holds it, or held it last. */
  readonly worker?: string | undefined
  readonly isCancelling: boolean
  readonly exit?: number | undefined
  /** Of the fault that ended the last try. */
  readonly code?: string | undefined
  readonly message?: string | undefined
  readonly summary?: string | undefined
  readonly requests?: number | undefined
  readonly bytes?: number | undefined
  readonly progress?: ProgressState | undefined
}

export interface ProgressState {
  readonly task: string
  readonly items: number
  readonly bytes: number
  readonly totalItems?: number | undefined
  readonly totalBytes?: number | undefined
}

/** How one try ended. */
export type Ending =
  | {
      readonly kind: 'exit'
      readonly exit: number
      readonly code?: string | undefined
      readonly message?: string | undefined
      readonly summary?: string | undefined
      readonly requests?: number | undefined
      readonly bytes?: number | undefined
      /** What takes the place of a unit that splits. */
      readonly units?: readonly Unit[] | undefined
    }
  | { readonly kind: 'timeout'; readonly message: string }
  /** Its worker ended, and says so: the try does not count. */
  | { readonly kind: 'handed-back' }
  /** Its worker ended, and said nothing. */
  | { readonly kind: 'lost'; readonly message: string }
  | { readonly kind: 'cancelled' }

/** What a queue writes down when a try has ended. */
export interface Settlement {
  readonly state: State
  readonly attempt: number
  readonly due: number
  readonly ended?: number | undefined
  readonly exit?: number | undefined
  readonly code?: string | undefined
  readonly message?: string | undefined
  readonly summary?: string | undefined
  readonly requests?: number | undefined
  readonly bytes?: number | undefined
}

export const maxAttempts = 5
const firstWait = 30_000
const longestWait = 3_600_000

/** Exit statuses that are no failure: done, and nothing to do. */
export function isGood(exit: number): boolean {
  return exit === 0 || exit === faultCodes['nothing-to-do'].exit
}

/** Faults of a moment: in use, unreachable, or someone else was first. */
const passing = new Set<number>([faultCodes.busy.exit, faultCodes.unavailable.exit, faultCodes.precondition.exit])

/** What an execution becomes when a try ends: the whole state machine. */
export function settle(execution: Execution, ending: Ending, { now, random }: { now: number; random: () => number }): Settlement {
  const { attempt, due } = execution
  const over = (state: State) => ({ state, attempt, due, ended: now })
  const again = (told: Pick<Settlement, 'exit' | 'code' | 'message'>): Settlement =>
    attempt < maxAttempts ? { state: 'waiting', attempt, due: now + waitAfter(attempt, random), ...told } : { ...over('dead'), ...told }
  switch (ending.kind) {
    case 'handed-back':
      return { state: 'waiting', attempt: attempt - 1, due }
    case 'cancelled':
      return { ...over('cancelled'), message: 'cancelled by hand' }
    case 'lost':
    case 'timeout': {
      if (execution.isCancelling) return { ...over('cancelled'), message: 'cancelled by hand' }
      const next = again({ exit: faultCodes.unavailable.exit, code: ending.kind, message: ending.message })
      // That its worker died says little about the unit, until it happens again and again.
      return ending.kind === 'lost' && next.state === 'waiting' ? { ...next, due: now } : next
    }
    case 'exit': {
      const { kind: _kind, units: _units, ...told } = ending
      if (isGood(ending.exit)) return { ...over('done'), ...told }
      return passing.has(ending.exit) ? again(told) : { ...over('failed'), ...told }
    }
  }
}

/** Milliseconds: doubled with each try, up to an hour, and at least half of that. */
function waitAfter(attempt: number, random: () => number): number {
  const ceiling = Math.min(longestWait, firstWait * 2 ** (attempt - 1))
  return Math.round(ceiling * (0.5 + random() / 2))
}

/** From good to bad. */
const ranks = [0, 3, 1, 9, 10, 5, 11, 4, 6, 7, 2, 8, 130, 70]

/** The one that says most; 0 of none. */
export function worstExit(exits: Iterable<number>): number {
  const rank = (exit: number) => (ranks.includes(exit) ? ranks.indexOf(exit) : ranks.length)
  return [...exits].reduce((worst, exit) => (rank(exit) > rank(worst) ? exit : worst), 0)
}
