import type { Readable } from 'node:stream'
import type { Clock } from '../kit/index.ts'

/** A place that text is written to. */
export interface Sink {
  write(text: string): void
  /** Ends when more may come; false where nobody reads any more. */
  writeBytes(bytes: Uint8Array): Promise<boolean>
  readonly isTty: boolean
  /** The terminal's width now; undefined where it is no terminal. */
  readonly columns: number | undefined
}

/** Everything that a command gets from the process it runs in, so that tests run commands without one. */
export interface Host {
  readonly stdin: { readonly stream: Readable; readonly isTty: boolean }
  readonly stdout: Sink
  readonly stderr: Sink
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly clock: Clock
  /** A number in [0, 1). */
  readonly random: () => number
  readonly signal: AbortSignal
  /** Milliseconds since the process began. */
  readonly sinceStart: () => number
  readonly version: string
}
