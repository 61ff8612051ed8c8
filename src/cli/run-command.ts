import type { Command } from 'commander'
import type { Config } from '../config/index.ts'
import { faultCodes, type Log, type Progress, type Report, type Tracer } from '../kit/index.ts'
import { openTracing } from '../tracing/index.ts'
import type { Wire } from '../wire/index.ts'
import { paintFor, wantsColour } from './colour.ts'
import { commandPath, type Globals, type Runnable } from './command.ts'
import type { Given } from './daemon/in-process.ts'
import { exitDiffers } from './exit.ts'
import type { Host } from './host.ts'
import { type Logging, openLogging } from './logging.ts'
import { type OutputOptions, printFault, printOutcome } from './output.ts'
import { type ProgressDisplay, showProgress } from './progress.ts'
import { confirm } from './prompt.ts'
import type { Screen } from './screen.ts'

export interface Session {
  readonly host: Host
  readonly screen: Screen
  readonly configured: Configured
  /** Of the command that runs this one. */
  readonly given: Given | undefined
}

/** The configuration, or what is wrong with it: said by the commands that need one. */
export interface Configured {
  readonly config?: Config
  readonly fault?: unknown
}

type Args = readonly (string | undefined)[]

/** Runs a command whose line was understood, and gives its exit status. */
export async function runCommand(session: Session, command: Command, spec: Runnable, args: Args): Promise<number> {
  const { host, given } = session
  let tracer = given?.tracer
  const desk = openDesk(session, command, spec, () => tracer)
  const { env, clock, random, version } = host
  const tracing = given === undefined ? await openTracing({ env, clock, random, version, report: desk.report }) : undefined
  tracer ??= tracing?.tracer
  const work = () => carryOut(session, desk, { spec, args, tracer })
  try {
    // What goes on for ever would be a span without an end: its work is followed piece by piece.
    return tracer === undefined || spec.goesOn === true ? await work() : await asSpan(tracer, desk.output.command, tracing?.parent, work)
  } finally {
    await tracing?.close()
    desk.logging.flush()
  }
}

async function asSpan(tracer: Tracer, name: string, parent: string | undefined, work: () => Promise<number>): Promise<number> {
  const attributes = { 'process.executable.name': 'holdfast', 'process.pid': process.pid, 'holdfast.command': name }
  const span = tracer.begin(`holdfast ${name}`, { attributes, parent })
  const exit = await span.within(work)
  span.set({ 'process.exit.code': exit })
  // Differences that were asked for, and nothing to do, are answers.
  span.end([0, exitDiffers, faultCodes['nothing-to-do'].exit].includes(exit) ? undefined : String(exit))
  return exit
}

/** All that a command says goes over it. */
interface Desk {
  readonly options: Globals
  readonly logging: Logging
  readonly report: Report
  readonly progress: ProgressDisplay
  readonly output: OutputOptions
}

function openDesk(session: Session, command: Command, { goesOn = false }: Runnable, tracer: () => Tracer | undefined): Desk {
  const { host, given } = session
  const options: Globals = command.optsWithGlobals<Globals>()
  const { json = false, quiet = false, verbose = false } = options
  const paint = paintFor(wantsColour(host.stderr, host.env, options.color))
  const logging = openLogging(session, { options, goesOn, tracer })
  const { log, isLog, screen } = logging
  const progress = showProgress(screen, {
    clock: host.clock,
    paint,
    mode: quiet ? 'none' : host.stderr.isTty && !(isLog && log.format === 'json') ? 'live' : 'plain',
    columns: () => host.stderr.columns ?? 80,
    verbose,
  })
  const report: Report = (event) => {
    if (isLog && event.kind === 'note') noteInLog(log, event)
    else progress.report(event)
    given?.report(event)
  }
  const output = { command: commandPath(command), json, verbose, saysFindings: given !== undefined, paint, log }
  return { options, logging, report, progress, output }
}

function noteInLog(log: Log, { level, text, event, fields }: Extract<Progress, { kind: 'note' }>): void {
  log.write(level === 'warning' ? 'warn' : 'info', text, { event, ...fields })
}

interface Work {
  readonly spec: Runnable
  readonly args: Args
  readonly tracer: Tracer | undefined
}

async function carryOut(session: Session, desk: Desk, { spec, args, tracer }: Work): Promise<number> {
  const { host } = session
  const { options, report, progress, logging } = desk
  const { screen, log } = logging
  let { output } = desk
  const wiring = wireOnce(session, desk, tracer)
  const stats = async () => {
    if (options.stats !== true) return undefined
    const wire = wiring.opened()
    const meter = wire === undefined ? (await import('../store/index.ts')).createMeter() : await wire.meter()
    return meter.snapshot()
  }
  try {
    const outcome = await spec.run({
      args,
      options,
      host,
      screen,
      report,
      log,
      tracer,
      signal: host.signal,
      paint: paintFor(wantsColour(host.stdout, host.env, options.color)),
      width: host.stdout.columns,
      config: async () => configOf(session),
      wire: wiring.wire,
      releases: async () => await (await wiring.wire()).releases(),
      snapshots: async (url) => await (await wiring.wire()).snapshots(url),
      confirm: (question) => confirm(host, session.screen, question, options.yes === true),
      asLines: () => void (output = { ...output, asLines: true }),
    })
    await progress.stop()
    logging.flush()
    return printOutcome(logging.talk, outcome, output, await stats())
  } catch (error) {
    await progress.stop()
    logging.flush()
    return printFault(logging.talk, error, output, await stats())
  } finally {
    await wiring.opened()?.close()
  }
}

function configOf({ configured }: Session): Config {
  if (configured.config === undefined) throw configured.fault
  return configured.config
}

/** The wire, made when a command first asks for it. */
function wireOnce(
  session: Session,
  { options, report, logging }: Desk,
  tracer: Tracer | undefined,
): { wire(): Promise<Wire>; opened(): Wire | undefined } {
  const { host } = session
  let wire: Wire | undefined
  return {
    opened: () => wire,
    async wire() {
      if (wire !== undefined) return wire
      const config = configOf(session)
      for (const note of config.notes) report({ kind: 'note', level: 'warning', text: note })
      const { env, clock, random, signal } = host
      const { openWire } = await import('../wire/index.ts')
      wire = await openWire({ config, env, clock, random, report, signal, limitRate: options.limitRate, tracer })
      const { log, isLog, screen } = logging
      const detail = (text: string) => (isLog ? log.write('debug', text) : options.verbose === true && screen.say(text))
      detail(`configuration: ${config.file ?? 'none, defaults'}`)
      detail(`store: ${config.store.url} (${config.origin('store.url')})`)
      detail(`state: ${wire.stateDir}`)
      detail(`cache: ${wire.cacheRoot}`)
      return wire
    },
  }
}
