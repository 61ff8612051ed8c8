import type { State } from './execution.ts'

/** A firing of a job that failed, or the first that ended well after some that had. Times are milliseconds since 1970. */
export interface Change {
  /** Grows with each. */
  readonly id: number
  readonly job: string
  readonly firing: number
  readonly kind: 'failure' | 'recovery'
  /** When the firing ended. */
  readonly at: number
  /** The worst exit status of its units. */
  readonly exit: number
  /** When the first of these failures ended. */
  readonly since: number
  /** When the failure before this one ended; undefined for the first. */
  readonly previous?: number | undefined
  /** Firings that have failed since then, with this one. */
  readonly failures: number
  /** How many of its units failed, and the first of them. */
  readonly failed: number
  readonly units: readonly FailedUnit[]
}

export interface FailedUnit {
  readonly id: number
  readonly words: readonly string[]
  readonly state: State
  readonly attempt: number
  readonly exit?: number | undefined
  readonly code?: string | undefined
  readonly message?: string | undefined
}

/** A change that a target is to be told of, and nobody else tells it for now. */
export interface HeldChange {
  readonly change: Change
  /** Tries to tell it, with this one. */
  readonly attempt: number
}

/** What became of a held change. */
export type Telling =
  | { readonly kind: 'told' }
  /** It is nothing for this target. */
  | { readonly kind: 'passed' }
  /** It could not be told in a time that makes sense. */
  | { readonly kind: 'given-up'; readonly message: string }
  | { readonly kind: 'again'; readonly message: string; readonly wait: number }
  /** Who held it ends: the try does not count. */
  | { readonly kind: 'handed-back' }

/** What a queue knows of somebody who is told of changes. */
export interface TargetState {
  readonly name: string
  /** Changes that it was not told of yet, those that it does not want among them. */
  readonly waiting: number
  /** Tries in vain to tell it the first of these. */
  readonly attempts: number
  /** When the next try is due. */
  readonly due: number
  /** Why the last try was in vain. */
  readonly message?: string | undefined
  /** When it was last told something. */
  readonly succeeded?: number | undefined
  /** Changes that it could not be told of, and will not be. */
  readonly givenUp: number
}
