import type { Change } from '../change.ts'

/** Somebody who is told when jobs begin to fail, and when they are well again. */
export interface Target {
  readonly name: string
  /** Names of jobs; undefined: all. */
  readonly jobs?: readonly string[] | undefined
  readonly on: readonly Change['kind'][]
  /** Milliseconds: told again of a job that goes on failing, when so much time has passed. */
  readonly remind?: number | undefined
  /** Of the log of a unit that failed, so many of its last lines. */
  readonly logLines: number
  readonly way: Way
}

/** Secrets are named by the environment variable that holds them. */
export type Way =
  | { readonly kind: 'webhook'; readonly url: Address; readonly secretVariable?: string | undefined }
  | { readonly kind: 'slack'; readonly url: Address }
  | { readonly kind: 'email'; readonly mail: Mail }

/** A URL that anybody may see, or the variable of one that is a secret. */
export type Address = { readonly text: string } | { readonly variable: string }

export interface Mail {
  readonly host: string
  readonly port: number
  /** `tls`: from the first byte; `starttls`: before anything is said; `none`: never. */
  readonly security: 'tls' | 'starttls' | 'none'
  readonly login?: { readonly user: string; readonly passwordVariable: string } | undefined
  readonly from: string
  readonly to: readonly string[]
}

/** Whether a target wants to hear of a change: the first failure, the recovery, and while it fails at most one reminder in each `remind`. */
export function wants({ jobs, on, remind }: Target, { job, kind, at, since, previous }: Change): boolean {
  if (jobs?.includes(job) === false || !on.includes(kind)) return false
  if (kind === 'recovery' || previous === undefined) return true
  if (remind === undefined) return false
  const reminders = (time: number) => Math.floor((time - since) / remind)
  return reminders(at) > reminders(previous)
}
