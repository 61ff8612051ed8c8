import { redact } from './redact.ts'

/** What may be done about a fault: nothing, plan again on fresh state, or the same again later. */
export type Retry = 'never' | 'replan' | 'later'

interface CodeFacts {
  readonly exit: number
  readonly retry: Retry
  readonly means: string
}

/** Every code there is, with its exit status. `docs/exit-codes.md` is made from this table. */
export const faultCodes = {
  invalid: { exit: 2, retry: 'never', means: 'your input or configuration is not usable' },
  'nothing-to-do': { exit: 3, retry: 'never', means: 'you asked for an effect and there was none' },
  'not-found': { exit: 4, retry: 'never', means: 'it is not there' },
  precondition: { exit: 5, retry: 'replan', means: 'someone else was first, or it is not the digest that you expect' },
  'already-exists': { exit: 5, retry: 'replan', means: 'it exists with other content' },
  denied: { exit: 6, retry: 'never', means: 'not allowed: credentials, rights or a read-only place' },
  unsupported: { exit: 7, retry: 'never', means: 'this driver, tool or machine cannot do it' },
  corrupt: { exit: 8, retry: 'never', means: 'bytes do not match their digest or their format' },
  busy: { exit: 9, retry: 'later', means: 'in use or leased' },
  unavailable: { exit: 10, retry: 'later', means: 'network, overload, server error or a full disk, given up after retries' },
  partial: { exit: 11, retry: 'later', means: 'some items failed; the rest is done and listed' },
  bug: { exit: 70, retry: 'never', means: 'a fault of holdfast itself' },
  aborted: { exit: 130, retry: 'never', means: 'you stopped it' },
} as const satisfies Record<string, CodeFacts>

/** What kind of trouble it is. The list is closed; each code has its exit status: docs/exit-codes.md. */
export type FaultCode = keyof typeof faultCodes

/** The first code with an exit status; undefined where none has it. */
export function codeOfExit(exit: number): FaultCode | undefined {
  return (Object.keys(faultCodes) as FaultCode[]).find((code) => faultCodes[code].exit === exit)
}

export interface FaultDetails {
  /** What the user can do now, as a sentence or a command. */
  readonly hint?: string | undefined
  /** The thing it happened to: a store and key, a file, a URL. */
  readonly at?: string | undefined
  readonly cause?: unknown
  /** Milliseconds to wait before the next try, where the other side said so (Retry-After). */
  readonly retryAfter?: number | undefined
}

/**
 * The one error class. Message, hint and place are redacted as it is made, and a foreign cause is replaced by a
 * redacted copy, so that no rendering of a Fault can show a secret.
 */
export class Fault extends Error {
  readonly code: FaultCode
  readonly hint: string | undefined
  readonly at: string | undefined
  readonly retryAfter: number | undefined

  constructor(code: FaultCode, message: string, details: FaultDetails = {}) {
    super(redact(message), details.cause === undefined ? undefined : { cause: safeCause(details.cause) })
    this.name = 'Fault'
    this.code = code
    this.hint = details.hint === undefined ? undefined : redact(details.hint)
    this.at = details.at === undefined ? undefined : redact(details.at)
    this.retryAfter = details.retryAfter
  }

  get retry(): Retry {
    return faultCodes[this.code].retry
  }

  get exit(): number {
    return faultCodes[this.code].exit
  }
}

/** Whether it is a `Fault`, and one of this code where one is named. */
export function isFault(error: unknown, code?: FaultCode): error is Fault {
  return error instanceof Fault && (code === undefined || error.code === code)
}

/** Any thrown value as a Fault. What is unknown becomes `bug`: it is never guessed to be something milder. */
export function asFault(error: unknown): Fault {
  if (error instanceof Fault) return error
  if (error instanceof Error && error.name === 'AbortError') return new Fault('aborted', 'stopped', { cause: error })
  const message = error instanceof Error ? error.message : String(error)
  return new Fault('bug', message, { cause: error })
}

/** What happened, to what, why, and what to do next: one line each, without colours. */
export function explain(error: unknown): string {
  const fault = asFault(error)
  const lines = [fault.message]
  if (fault.at !== undefined && !fault.message.includes(fault.at)) lines.push(`  at: ${fault.at}`)
  for (const reason of causesOf(fault)) lines.push(`  because: ${reason}`)
  if (fault.code === 'bug') lines.push('  this is a fault of holdfast: please report it with the output of the same command and --verbose')
  if (fault.hint !== undefined) lines.push(`  next: ${fault.hint}`)
  return lines.join('\n')
}

/** The plain form for `--json`. */
export function faultToJson(error: unknown): Record<string, unknown> {
  const fault = asFault(error)
  const causes = causesOf(fault)
  return {
    code: fault.code,
    exit: fault.exit,
    retry: fault.retry,
    message: fault.message,
    ...(fault.at === undefined ? {} : { at: fault.at }),
    ...(fault.hint === undefined ? {} : { hint: fault.hint }),
    ...(causes.length === 0 ? {} : { causes }),
  }
}

/** What libraries say where they have nothing to say. */
const meaningless = new Set(['', 'UnknownError', 'Unknown'])

function causesOf(fault: Fault): string[] {
  const reasons: string[] = []
  const seen = new Set([fault.message])
  for (let cause = fault.cause; cause instanceof Error && reasons.length < 5; cause = cause.cause) {
    if (!meaningless.has(cause.message) && !seen.has(cause.message)) reasons.push(cause.message)
    seen.add(cause.message)
  }
  return reasons
}

function safeCause(cause: unknown, depth = 0): Error {
  if (cause instanceof Fault) return cause
  if (!(cause instanceof Error)) return new Error(redact(String(cause)))
  const nested = cause.cause !== undefined && depth < 5 ? { cause: safeCause(cause.cause, depth + 1) } : undefined
  const copy = new Error(redact(cause.message), nested)
  copy.name = cause.name
  if (cause.stack !== undefined) copy.stack = redact(cause.stack)
  return copy
}
