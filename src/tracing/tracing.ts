import type { Clock, Report, Tracer } from '../kit/index.ts'

export interface TracingOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly clock: Clock
  /** A number in [0, 1). */
  readonly random: () => number
  /** Is told, once, that spans do not arrive. */
  readonly report: Report
  readonly version: string
}

export interface Tracing {
  readonly tracer: Tracer
  /** A `traceparent`: what started this process, where that is followed. */
  readonly parent: string | undefined
  /** Sends what is left, for at most a second, and lets go. Throws nothing. */
  close(): Promise<void>
}
