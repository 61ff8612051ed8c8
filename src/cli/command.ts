import { type Command, Option } from 'commander'
import type { Config } from '../config/index.ts'
import { asFault, Fault, type Log, type LogFormat, type LogLevel, type Report, type Tracer } from '../kit/index.ts'
import type { ReleaseContext } from '../releases/index.ts'
import type { SnapshotContext } from '../snapshots/index.ts'
import type { Wire } from '../wire/index.ts'
import type { Paint } from './colour.ts'
import { addExamples, type Example } from './help.ts'
import type { Host } from './host.ts'
import type { Outcome } from './output.ts'
import type { Screen } from './screen.ts'

/** The options that every command has. */
export interface Globals {
  readonly config?: string
  readonly store?: string
  readonly json?: boolean
  readonly quiet?: boolean
  readonly verbose?: boolean
  readonly stats?: boolean
  readonly color: boolean
  readonly yes?: boolean
  /** Bytes a second. */
  readonly limitRate?: number
  readonly logFormat?: LogFormat | undefined
  readonly logLevel?: LogLevel | undefined
  /** Only on commands that write. */
  readonly dryRun?: boolean
}

/** What a command's action is given. */
export interface Call<O> {
  readonly args: readonly (string | undefined)[]
  readonly options: O & Globals
  readonly host: Host
  readonly screen: Screen
  readonly report: Report
  /** For commands that go on: what is said on stderr, with facts. */
  readonly log: Log
  /** Follows the work, where a collector of traces is configured. */
  readonly tracer: Tracer | undefined
  readonly signal: AbortSignal
  /** For stdout. */
  readonly paint: Paint
  /** Of stdout; undefined where it is no terminal. */
  readonly width: number | undefined
  /** The checked configuration; throws what is wrong with it. */
  config(): Promise<Config>
  /** What the configuration wires together; closed after the command. */
  wire(): Promise<Wire>
  /** Short for what release commands need of it. */
  releases(): Promise<ReleaseContext>
  /** The same for snapshots. */
  snapshots(url?: string): Promise<SnapshotContext>
  /** Asks; see prompt.ts. */
  confirm(question: string): Promise<boolean>
  /** With --json, from now on each document is one line: for commands that print several. */
  asLines(): void
}

export interface CommandSpec<O> {
  readonly name: string
  /** `['<product>', 'what it is']`; square brackets where it may be left out, dots where more may follow. */
  readonly args?: readonly (readonly [form: string, what: string])[]
  /** A sentence without a full stop; the first line of its help and its line in lists. */
  readonly summary: string
  /** More, where one sentence is not enough. */
  readonly more?: string
  readonly options?: readonly Option[]
  readonly examples: readonly Example[]
  /** Gives it --dry-run. */
  readonly writes?: boolean
  /** It asks before it goes on. Whoever runs it where nobody can be asked has to agree beforehand. */
  readonly asks?: boolean
  /** It runs until it is stopped: what it says on stderr is a log, and each piece of its work is followed by itself. */
  readonly goesOn?: boolean
  readonly run: (call: Call<O>) => Promise<Outcome>
}

/** What command groups are added with. */
export interface Cli {
  /** A command that does something. */
  add<O extends object = object>(parent: Command, spec: CommandSpec<O>): Command
  /** A command that only holds others. */
  group(parent: Command, name: string, summary: string, examples: readonly Example[]): Command
}

/** Carries out one command; program.ts knows how. */
export type Runner = (command: Command, spec: Runnable, args: readonly (string | undefined)[]) => Promise<void>

export type Runnable = Pick<CommandSpec<object>, 'run' | 'goesOn' | 'asks'>

export function newCli(host: Host, runner: Runner): Cli {
  const start = (parent: Command, name: string, summary: string, examples: readonly Example[]) => {
    const command = parent.command(name).summary(summary).description(`${summary}.`)
    addExamples(command, examples, host)
    return command
  }
  return {
    add(parent, spec) {
      const command = start(parent, spec.name, spec.summary, spec.examples)
      if (spec.more !== undefined) command.description(`${spec.summary}.\n${spec.more}`)
      for (const [form, what] of spec.args ?? []) command.argument(form, what)
      for (const option of spec.options ?? []) command.addOption(option)
      if (spec.writes === true) command.option('--dry-run', 'show what would be done and do nothing')
      command.action(async (...received: unknown[]) => {
        refuseEmpty(command)
        const args = received.slice(0, command.registeredArguments.length).flatMap(wordsOf)
        // The options' names and parsers in `spec.options` are what makes them an O.
        await runner(command, spec as unknown as Runnable, args)
      })
      return command
    },
    group: start,
  }
}

/** What may be said with no text, and words that go to another program. */
const mayBeEmpty = new Set(['message', 'reason', 'command'])

/** A path that is empty would mean the working directory, a filter all: mostly it is a variable of a shell that was not set. */
function refuseEmpty(command: Command): void {
  const refuse = (name: string, value: unknown, shown: string) => {
    if (mayBeEmpty.has(name) || ![value].flat().includes('')) return
    throw new Fault('invalid', `${shown} is empty`, {
      hint: 'say what it is, or leave it out; a variable of the shell that is not set looks so',
    })
  }
  for (let at: Command | null = command; at !== null; at = at.parent) {
    for (const option of at.options) refuse(option.name(), at.getOptionValue(option.attributeName()), option.long ?? option.flags)
  }
  command.registeredArguments.forEach((argument, index) => refuse(argument.name(), command.processedArgs[index], argument.name()))
}

/** An argument of several words gives each of them. */
function wordsOf(value: unknown): (string | undefined)[] {
  if (Array.isArray(value)) return value.filter((word) => typeof word === 'string')
  return [typeof value === 'string' ? value : undefined]
}

/** An option that may be given again: each adds one. */
export function repeatedOption(flags: string, description: string): Option {
  return new Option(flags, `${description}; may be given again`).argParser((text: string, before: string[] | undefined) => [
    ...(before ?? []),
    text,
  ])
}

/** `release create` for the command that is called so. */
export function commandPath(command: Command): string {
  const names: string[] = []
  for (let at: Command | null = command; at !== null && at.parent !== null; at = at.parent) names.unshift(at.name())
  return names.join(' ')
}

/** An option whose text is parsed; what the parser refuses is said with the option's name. */
export function parsedOption(flags: string, description: string, parse: (text: string) => unknown): Option {
  const option = new Option(flags, description)
  return option.argParser((text: string) => {
    try {
      return parse(text)
    } catch (error) {
      const fault = asFault(error)
      throw new Fault(fault.code, `${option.long ?? flags}: ${fault.message}`, { hint: fault.hint })
    }
  })
}
