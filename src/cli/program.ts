import { Command, CommanderError } from 'commander'
import { Fault, parseBytes } from '../kit/index.ts'
import { paintFor, wantsColour } from './colour.ts'
import { type Cli, commandPath, type Globals, newCli, parsedOption, type Runner } from './command.ts'
import { addCompletionCommand } from './completion.ts'
import { addExamples, addExitNote, configureHelp } from './help.ts'
import type { Host } from './host.ts'
import { type OutputOptions, printFault, printOutcome } from './output.ts'
import { showProgress } from './progress.ts'
import { confirm } from './prompt.ts'
import { openScreen, type Screen } from './screen.ts'

/** Runs one command line and gives its exit status. Throws nothing. */
export async function runCli(argv: readonly string[], host: Host): Promise<number> {
  const screen = openScreen(host)
  const asked = beforeParsing(argv)
  let exit = 0
  const program = buildProgram(host, asked.colour, async (command, run, args) => {
    exit = await runCommand(host, screen, command, run, args)
  })
  try {
    await program.parseAsync(argv, { from: 'user' })
    return exit
  } catch (error) {
    const output = {
      command: commandNamed(program, argv),
      json: asked.json,
      verbose: asked.verbose,
      paint: paintFor(wantsColour(host.stderr, host.env, asked.colour)),
    }
    return error instanceof CommanderError ? usageExit(screen, error, output) : printFault(screen, error, output)
  }
}

/** The whole tree of commands. */
export function buildProgram(host: Host, colour: boolean, runner: Runner): Command {
  const program = new Command('holdfast')
    .description(
      'Snapshot, promote, mirror, publish, sync and restore build artifacts:\nverified before visible, moved atomically, at the cost of what changed.',
    )
    .version(host.version, '--version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .exitOverride()
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
  program.commandsGroup('Set-up and care:')
  addCompletionCommand(program, cli)
  program.helpCommand('help [command]', 'Show help for a command')
  return program
}

function addGlobalOptions(program: Command): void {
  program
    .option('--config <file>', 'use this holdfast.toml; without it, it is searched upwards')
    .option('--store <url>', 'use this store in place of the configured one')
    .option('--json', 'print one JSON document on stdout')
    .option('--quiet', 'no progress and no remarks, only results, warnings and faults')
    .option('--verbose', 'say more: which files and stores are used, causes with traces')
    .option('--stats', 'say at the end how many operations and bytes it took')
    .option('--no-color', 'no colours (also: NO_COLOR)')
    .option('--yes', 'answer every question with yes')
    .addOption(parsedOption('--limit-rate <rate>', 'move at most so many bytes a second, like 20MiB', parseRate))
}

function parseRate(text: string): number {
  const rate = parseBytes(text.replace(/\/s$/, ''))
  if (rate > 0) return rate
  throw new Fault('invalid', 'the rate must be more than nothing', { hint: 'write a rate like 20MiB or 500KB' })
}

async function runCommand(
  host: Host,
  screen: Screen,
  command: Command,
  run: Parameters<Runner>[1],
  args: Parameters<Runner>[2],
): Promise<number> {
  const options: Globals = command.optsWithGlobals<Globals>()
  const paint = paintFor(wantsColour(host.stderr, host.env, options.color))
  const output: OutputOptions = { command: commandPath(command), json: options.json === true, verbose: options.verbose === true, paint }
  const progress = showProgress(screen, {
    clock: host.clock,
    paint,
    mode: options.quiet === true ? 'none' : host.stderr.isTty ? 'live' : 'plain',
    columns: () => host.stderr.columns ?? 80,
  })
  try {
    const outcome = await run({
      args,
      options,
      host,
      screen,
      report: progress.report,
      signal: host.signal,
      paint: paintFor(wantsColour(host.stdout, host.env, options.color)),
      width: host.stdout.columns,
      confirm: (question) => confirm(host, screen, question, options.yes === true),
    })
    await progress.stop()
    return printOutcome(screen, outcome, output)
  } catch (error) {
    await progress.stop()
    return printFault(screen, error, output)
  }
}

/** What must be known also where the command line cannot be parsed. */
function beforeParsing(argv: readonly string[]): { json: boolean; verbose: boolean; colour: boolean } {
  const end = argv.indexOf('--')
  const known = end === -1 ? argv : argv.slice(0, end)
  return {
    json: known.includes('--json'),
    verbose: known.includes('--verbose'),
    colour: !known.includes('--no-color'),
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
