import type { Clock } from './clock.ts'
import { redact } from './redact.ts'

export const logLevels = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof logLevels)[number]

export const logFormats = ['text', 'json'] as const
export type LogFormat = (typeof logFormats)[number]

/** Facts beside the message: names are words joined by `_`, the same wherever they mean the same. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>

/**
 * Lines for those who look after a process. Each is one line whatever it says: what would end it, or drive a terminal, is written as an
 * escape; secrets are hidden; what is too long is cut.
 */
export interface Log {
  readonly format: LogFormat
  /** Whether lines of this level are written: to be asked before one that costs something to make. */
  has(level: LogLevel): boolean
  write(level: LogLevel, message: string, fields?: LogFields): void
  /** The same log, with these fields in each line. */
  with(fields: LogFields): Log
}

export interface LogOptions {
  readonly format: LogFormat
  /** Lines of lower levels are not written. */
  readonly level: LogLevel
  readonly clock: Pick<Clock, 'now'>
  /** Takes a line without its end. */
  readonly write: (line: string) => void
  /** What else belongs to every line, asked at each. */
  readonly context?: (() => LogFields | undefined) | undefined
  /** Colours of the readable form. */
  readonly paint?: LogPaint | undefined
}

export interface LogPaint {
  level(level: LogLevel, text: string): string
  aside(text: string): string
}

/** Characters. */
const longestMessage = 8_000
const longestField = 2_000

const plainPaint: LogPaint = { level: (_level, text) => text, aside: (text) => text }

/** A log that gives its lines to `write`. Known secrets are hidden in all of them. */
export function createLog(options: LogOptions): Log {
  const least = logLevels.indexOf(options.level)
  const has = (level: LogLevel) => logLevels.indexOf(level) >= least
  const format = options.format === 'json' ? jsonLine : textLine
  const make = (always: LogFields): Log => ({
    format: options.format,
    has,
    write(level, message, fields) {
      if (!has(level)) return
      const time = new Date(options.clock.now()).toISOString()
      options.write(format({ time, level, message, fields: { ...always, ...fields, ...options.context?.() } }, options.paint ?? plainPaint))
    },
    with: (more) => make({ ...always, ...more }),
  })
  return make({})
}

interface Entry {
  readonly time: string
  readonly level: LogLevel
  readonly message: string
  readonly fields: LogFields
}

function jsonLine({ time, level, message, fields }: Entry): string {
  const facts: Record<string, unknown> = { time, level, message: safe(message, longestMessage) }
  for (const [name, value] of Object.entries(fields)) facts[name] ??= typeof value === 'string' ? safe(value, longestField) : value
  return escaped(JSON.stringify(facts))
}

function textLine({ time, level, message, fields }: Entry, paint: LogPaint): string {
  const facts = Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${factText(value)}`]))
  const rest = facts.length === 0 ? '' : ` ${paint.aside(facts.join(' '))}`
  return `${paint.aside(time)} ${paint.level(level, level.padEnd(5))} ${inOneLine(safe(message, longestMessage))}${rest}`
}

/** In quotes where it could be taken for something else. */
function factText(value: string | number | boolean): string {
  if (typeof value !== 'string') return String(value)
  const text = safe(value, longestField)
  return /^[\w./:@+,~%-]+$/.test(text) ? text : escaped(JSON.stringify(text))
}

function safe(text: string, longest: number): string {
  const hidden = redact(text)
  return hidden.length > longest ? `${hidden.slice(0, longest - 3)}...` : hidden
}

/** Controls, the two ends of lines that only some programs know, and marks that turn the direction of writing. */
// oxlint-disable-next-line no-control-regex
const unsafe = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g

/** As JSON writes them, so that this stays JSON. */
function escaped(text: string): string {
  return text.replaceAll(unsafe, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function inOneLine(text: string): string {
  return escaped(text.replaceAll('\n', '\\n').replaceAll('\t', '\\t').replaceAll('\r', '\\r'))
}
