import { asFault, explain, type Fault, faultToJson, type Log } from '../kit/index.ts'
import type { MeterReading } from '../store/index.ts'
import type { Paint } from './colour.ts'
import { exitDiffers } from './exit.ts'
import type { Screen } from './screen.ts'
import { statsText } from './stats.ts'
import { printable } from './width.ts'

/** What a command came to. */
export interface Outcome {
  /** The `result` of the JSON document. Documented in docs/cli.md; members are only added. */
  readonly result: unknown
  /** The same for people, on stdout; empty prints nothing. */
  readonly text: string
  /** A check ran and found differences or problems: exit status 1. */
  readonly differs?: boolean
  /** What of it could not be done: told after the result, with the exit status of the fault. */
  readonly incomplete?: Fault | undefined
}

export interface OutputOptions {
  readonly command: string
  readonly json: boolean
  readonly verbose: boolean
  /** A program reads the document, and people what is said besides: findings are said too. */
  readonly saysFindings?: boolean
  /** Each document is one line. */
  readonly asLines?: boolean
  /** For stderr. */
  readonly paint: Paint
  /** Where that is for programs, faults are lines of it. */
  readonly log: Log
}

/** Prints the outcome in the asked form and gives the exit status. */
export function printOutcome(screen: Screen, outcome: Outcome, options: OutputOptions, stats?: MeterReading): number {
  const { result, text, incomplete } = outcome
  const exit = incomplete?.exit ?? (outcome.differs === true ? exitDiffers : 0)
  const fault = incomplete === undefined ? undefined : faultToJson(incomplete)
  if (options.json) screen.result(toJson({ command: options.command, ok: exit === 0, result, fault, stats }, options))
  else if (text !== '') screen.result(text)
  if (options.json && options.saysFindings === true && exit !== 0 && text !== '') screen.say(text)
  if (incomplete !== undefined) sayFault(screen, incomplete, options)
  if (!options.json) sayStats(screen, stats)
  return exit
}

/** Explains a fault on stderr, with `json` also as the document on stdout, and gives the exit status. */
export function printFault(screen: Screen, error: unknown, options: OutputOptions, stats?: MeterReading): number {
  const fault = asFault(error)
  if (options.json) screen.result(toJson({ command: options.command, ok: false, fault: faultToJson(fault), stats }, options))
  sayFault(screen, fault, options)
  if (!options.json) sayStats(screen, stats)
  return fault.exit
}

function sayStats(screen: Screen, stats: MeterReading | undefined): void {
  if (stats !== undefined) screen.say(statsText(stats))
}

function sayFault(screen: Screen, fault: Fault, { paint, verbose, log }: OutputOptions): void {
  if (log.format === 'json') {
    const { code, exit, at, hint, message } = fault
    return log.write('error', message, { event: 'fault', code, exit, at, hint, stack: verbose ? stacksOf(fault) : undefined })
  }
  const [first, ...rest] = printable(explain(fault)).split('\n')
  const lines = [`${paint.red(fault.code === 'aborted' ? 'stopped:' : 'error:')} ${first}`, ...rest.map((line) => accent(line, paint))]
  if (verbose) lines.push(paint.dim(stacksOf(fault)))
  screen.say(lines.join('\n'))
}

function accent(line: string, paint: Paint): string {
  const next = /^ {2}next: /.exec(line)
  return next === null ? line : `  ${paint.bold('next:')} ${line.slice(next[0].length)}`
}

function stacksOf(fault: Fault): string {
  const stacks: string[] = []
  for (let error: unknown = fault; error instanceof Error && stacks.length < 6; error = error.cause)
    stacks.push(error.stack ?? error.message)
  return printable(stacks.join('\ncaused by: '))
}

function toJson(document: unknown, { asLines = false }: OutputOptions): string {
  return JSON.stringify(document, undefined, asLines ? 0 : 2)
}
