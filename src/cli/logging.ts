import {
  createLog,
  type Log,
  type LogFields,
  type LogFormat,
  logFormats,
  type LogLevel,
  logLevels,
  parseTraceparent,
  type Tracer,
} from '../kit/index.ts'
import type { Config } from '../config/index.ts'
import { type Paint, paintFor, wantsColour } from './colour.ts'
import type { Globals } from './command.ts'
import type { Host } from './host.ts'
import type { Screen } from './screen.ts'

/** What is said on stderr, and how. */
export interface Logging {
  readonly log: Log
  /** Stderr is a log: programs read it, or the command goes on for long. Otherwise it is a talk with whoever typed the command. */
  readonly isLog: boolean
  /** Talk becomes lines of the log, where stderr is one. */
  readonly screen: Screen
  /** What is said last, to whoever started the command: lines of the log only where programs read it. */
  readonly talk: Screen
  /** Writes what waits to be written together. */
  flush(): void
}

interface Told {
  readonly host: Host
  readonly screen: Screen
  readonly configured: { readonly config?: Config }
  /** The command is run by another one, which keeps what it says. */
  readonly given?: object | undefined
}

interface Asked {
  readonly options: Pick<Globals, 'logFormat' | 'logLevel' | 'quiet' | 'verbose' | 'color'>
  readonly goesOn: boolean
  /** The one that counts now. */
  readonly tracer?: () => Tracer | undefined
}

/**
 * Readable unless told otherwise, also where stderr is no terminal: journals and the output of CI are read by people first. Commands that end by
 * themselves then talk as they always do.
 */
export function openLogging({ host, screen, configured, given }: Told, { options, goesOn, tracer = () => undefined }: Asked): Logging {
  const isInner = given !== undefined
  const format: LogFormat = isInner
    ? 'text'
    : (options.logFormat ?? configured.config?.log.format ?? fromVariable(host, 'HOLDFAST_LOG_FORMAT', logFormats) ?? 'text')
  const isLog = !isInner && (goesOn || format === 'json')
  // A line that somebody waits for comes at once; for many in one turn of the loop one write is enough.
  const lines = host.stderr.isTty || !goesOn ? { say: screen.say, flush: () => undefined } : together(screen.say)
  const paint = paintFor(wantsColour(host.stderr, host.env, options.color))
  const log = createLog({
    format,
    level: levelOf(options, configured.config, host),
    clock: host.clock,
    write: lines.say,
    context: () => traceFields(tracer()),
    paint: { level: (level, text) => levelPaint(paint, level)(text), aside: paint.dim },
  })
  const logged: Screen = {
    ...screen,
    say: (text) => log.write('info', text),
    live: (line) => format === 'text' && screen.live(line),
  }
  return { log, isLog, screen: isLog ? logged : screen, talk: isLog && format === 'json' ? logged : screen, flush: lines.flush }
}

function levelOf({ logLevel, quiet, verbose }: Asked['options'], config: Config | undefined, host: Host): LogLevel {
  if (logLevel !== undefined) return logLevel
  if (quiet === true) return 'warn'
  if (verbose === true) return 'debug'
  return config?.log.level ?? fromVariable(host, 'HOLDFAST_LOG_LEVEL', logLevels) ?? 'info'
}

/** Where the configuration cannot be read, to say what is wrong with it. */
function fromVariable<T extends string>({ env }: Host, name: string, known: readonly T[]): T | undefined {
  return known.find((each) => each === env[name])
}

function levelPaint(paint: Paint, level: LogLevel): (text: string) => string {
  return { debug: paint.dim, info: paint.cyan, warn: paint.yellow, error: paint.red }[level]
}

/** As OpenTelemetry names them in logs that are no OTLP: https://opentelemetry.io/docs/specs/otel/compatibility/logging_trace_context/ */
function traceFields(tracer: Tracer | undefined): LogFields | undefined {
  const here = parseTraceparent(tracer?.current()?.traceparent)
  return here && { trace_id: here.traceId, span_id: here.spanId }
}

function together(say: (text: string) => void): Pick<Logging, 'flush'> & { readonly say: (line: string) => void } {
  let waiting: string[] = []
  const flush = () => {
    if (waiting.length === 0) return
    const text = waiting.join('\n')
    waiting = []
    say(text)
  }
  return {
    flush,
    say(line) {
      if (waiting.push(line) === 1) setImmediate(flush)
    },
  }
}
