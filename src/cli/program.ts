import { Command, CommanderError, Option } from 'commander'
import { Fault, type LogFormat, logFormats, logLevels, parseBytes } from '../kit/index.ts'
import { loadConfig } from '../config/index.ts'
import { paintFor, wantsColour } from './colour.ts'
import { type Cli, commandPath, newCli, parsedOption, type Runner } from './command.ts'
import { addCompletionCommand } from './completion.ts'
import { addDaemonCommand, addWorkerCommand } from './daemon.ts'
import { assertFitsJob } from './daemon/fits.ts'
import type { Given, Inside } from './daemon/in-process.ts'
import { addServeCommand } from './serve.ts'
import { addDoctorCommand } from './doctor.ts'
import { addExamples, addExitNote, configureHelp } from './help.ts'
import type { Host } from './host.ts'
import { addGroups, addShortcuts, capabilities, care, type GroupOptions } from './groups.ts'
import { addInitCommand } from './init.ts'
import { openLogging } from './logging.ts'
import { type OutputOptions, printFault } from './output.ts'
import { type Configured, runCommand, type Session } from './run-command.ts'
import { openScreen, type Screen } from './screen.ts'

/** Runs one command line and gives its exit status. Throws nothing. What is given counts instead of a configuration that is looked for. */
export async function runCli(argv: readonly string[], host: Host, given?: Given): Promise<number> {
  const screen = openScreen(host)
  const asked = beforeParsing(argv)
  const names = given !== undefined && ['--config', '--store'].some((flag) => flagValue(argv, flag) !== undefined)
  const configured = given === undefined || names ? await readConfig(argv, host) : { config: given.config }
  const session: Session = { host, screen, configured, given }
  let exit = 0
  const program = await buildProgram(
    host,
    { colour: asked.colour, config: configured.config, words: argv },
    async (command, spec, args) => {
      exit = await runCommand(session, command, spec, args)
    },
  )
  try {
    await program.parseAsync(helpAsked(program, argv), { from: 'user' })
    return exit
  } catch (error) {
    const paint = paintFor(wantsColour(host.stderr, host.env, asked.colour))
    const { log } = openLogging(session, { options: { logFormat: asked.logFormat, color: asked.colour }, goesOn: false })
    const output = { command: commandNamed(program, argv), json: asked.json, verbose: asked.verbose, paint, log }
    if (!(error instanceof CommanderError)) return printFault(screen, error, output)
    // A product's own flag is only known with a configuration that can be read.
    const isMissingFlag = error.code === 'commander.unknownOption' && output.command.startsWith('release')
    return isMissingFlag && configured.fault !== undefined ? printFault(screen, configured.fault, output) : usageExit(screen, error, output)
  }
}

/** `help release create` and `release help create` as `release create --help`. */
function helpAsked(program: Command, argv: readonly string[]): readonly string[] {
  const at = argv.indexOf('help')
  const isAsked = at !== -1 && (commandOf(program, argv.slice(0, at))?.commands.length ?? 0) > 0
  if (!isAsked) return argv
  const words = [...argv.slice(0, at), ...argv.slice(at + 1)].filter((word) => !word.startsWith('-'))
  for (const [count, word] of words.entries()) {
    const above = commandOf(program, words.slice(0, count))!
    if (commandOf(above, [word]) !== undefined) continue
    const group = ['holdfast', commandPath(above)].filter((part) => part !== '').join(' ')
    throw new Fault('invalid', `unknown command '${word}'`, { hint: `\`${group} --help\` shows what there is` })
  }
  return [...words, '--help', ...argv.slice(at).filter((word) => word.startsWith('-'))]
}

/** The command of these words alone; undefined where one of them is none. */
function commandOf(program: Command, words: readonly string[]): Command | undefined {
  return words.reduce<Command | undefined>((above, word) => above?.commands.find((one) => one.name() === word), program)
}

/** Before the command line is parsed, since products bring flags of their own. */
async function readConfig(argv: readonly string[], host: Host): Promise<Configured> {
  const store = flagValue(argv, '--store')
  try {
    const overrides = store === undefined ? [] : [{ key: 'store.url', value: store, flag: '--store' }]
    return { config: await loadConfig({ cwd: host.cwd, env: host.env, file: flagValue(argv, '--config'), overrides }) }
  } catch (fault) {
    return { fault }
  }
}

function flagValue(argv: readonly string[], flag: string): string | undefined {
  const at = argv.findLastIndex((word) => word === flag || word.startsWith(`${flag}=`))
  if (at === -1) return undefined
  return argv[at] === flag ? argv[at + 1] : argv[at]!.slice(flag.length + 1)
}

/** The tree of commands. */
export async function buildProgram(
  host: Host,
  { colour, ...groups }: GroupOptions & { colour: boolean },
  runner: Runner,
): Promise<Command> {
  const program = new Command('holdfast')
    .description(
      'Snapshot, promote, mirror, publish, sync and restore build artifacts:\nverified before visible, moved atomically, at the cost of what changed.',
    )
    .helpOption('-h, --help', 'show help')
    .exitOverride()
  if (!isOfCommand('--version', groups.words)) program.version(host.version, '--version', 'print the version')
  configureHelp(program, host, colour)
  addGlobalOptions(program)
  addExamples(
    program,
    [
      ['holdfast init', 'write a commented holdfast.toml into this folder'],
      ['holdfast doctor', 'check the set-up: tools, config, stores, clock'],
    ],
    host,
  )
  addExitNote(program, host)
  const cli: Cli = newCli(host, runner)
  program.commandsGroup('Capabilities:')
  await addGroups(program, cli, capabilities, groups)
  await addShortcuts(program, cli, groups)
  program.commandsGroup('Set-up and care:')
  addInitCommand(program, cli)
  addDoctorCommand(program, cli, inside)
  addServeCommand(program, cli)
  addDaemonCommand(program, cli, inside)
  addWorkerCommand(program, cli, inside)
  await addGroups(program, cli, care, groups)
  addCompletionCommand(program, cli)
  program.helpCommand('help [command...]', 'Show help for a command')
  return program
}

/** For commands that run others. */
const inside: Inside = {
  run: runCli,
  async check(argv, host, config) {
    const program = await buildProgram(host, { colour: false, config, words: argv }, async (command, spec) => assertFitsJob(command, spec))
    try {
      await program.parseAsync(argv, { from: 'user' })
    } catch (error) {
      if (!(error instanceof CommanderError)) throw error
      const [message] = error.message.replace(/^error: /, '').split('\n')
      throw new Fault('invalid', error.code === 'commander.help' ? 'a command is missing' : message!)
    }
  },
}

/** Whether a flag stands behind a group's name: then it is that command's own, whatever it means before one. */
function isOfCommand(flag: string, words: readonly string[] = []): boolean {
  const before = new Set(words.slice(0, Math.max(0, words.indexOf(flag))))
  return [...capabilities, ...care].some(({ name }) => before.has(name))
}

function addGlobalOptions(program: Command): void {
  program
    .option('--config <file>', 'use this holdfast.toml; without it, it is searched upwards')
    .option('--store <url>', 'use this store in place of the configured one')
    .option('--json', 'print one JSON document on stdout')
    .option('--quiet', 'no progress and no remarks, only results, warnings and faults')
    .option('--verbose', 'say more: which files and stores are used, causes with traces')
    .option('--stats', 'say at the end how many operations and bytes it took')
    .addOption(new Option('--log-format <format>', 'how stderr is written: for people, or a JSON object in each line').choices(logFormats))
    .addOption(new Option('--log-level <level>', 'what stderr tells at least, where it is a log').choices(logLevels))
    .option('--no-color', 'no colours (also: NO_COLOR)')
    .option('--yes', 'answer every question with yes')
    .addOption(parsedOption('--limit-rate <rate>', 'move at most so many bytes a second, like 20MiB', parseRate))
}

function parseRate(text: string): number {
  const rate = parseBytes(text.replace(/\/s$/, ''))
  if (rate > 0) return rate
  throw new Fault('invalid', 'the rate must be more than nothing', { hint: 'write a rate like 20MiB or 500KB' })
}

/** What must be known also where the command line cannot be parsed. */
function beforeParsing(argv: readonly string[]): { json: boolean; verbose: boolean; colour: boolean; logFormat?: LogFormat | undefined } {
  const end = argv.indexOf('--')
  const known = end === -1 ? argv : argv.slice(0, end)
  return {
    json: known.includes('--json'),
    verbose: known.includes('--verbose'),
    colour: !known.includes('--no-color'),
    logFormat: logFormats.find((format) => format === flagValue(known, '--log-format')),
  }
}

/** The command that a line which could not be parsed was meant for, as far as it can be told. */
function commandNamed(program: Command, argv: readonly string[]): string {
  let command = program
  for (const word of argv) command = command.commands.find((child) => child.name() === word) ?? command
  return commandPath(command)
}

function usageExit(screen: Screen, error: CommanderError, output: OutputOptions): number {
  if (error.exitCode === 0) return 0
  // A group without a command has shown its help on stderr already.
  if (error.code === 'commander.help') {
    return output.json
      ? printFault(screen, new Fault('invalid', 'a command is missing', { hint: 'one of those in the help above' }), output)
      : 2
  }
  const [message, suggestion] = error.message.replace(/^error: /, '').split(/\n\((.*)\?\)$/)
  const help = ['holdfast', output.command, '--help'].filter((word) => word !== '').join(' ')
  const hint = suggestion === undefined ? `\`${help}\` shows what there is` : `${suggestion.replace(/^D/, 'd')}? \`${help}\` shows all`
  return printFault(screen, new Fault('invalid', message!, { hint }), output)
}
