import type { Argument, Command, Help, Option } from 'commander'
import { paintFor, wantsColour } from './colour.ts'
import type { Host } from './host.ts'
import { displayWidth, padTo, wrapText } from './width.ts'

export type Example = readonly [command: string, what: string]

const widest = 100
const narrow = 24

/** Help for every command: fits the terminal, groups commands, ends with examples. Sub-commands inherit it. */
export function configureHelp(program: Command, host: Host, colour: boolean): void {
  const onOut = wantsColour(host.stdout, host.env, colour)
  const onErr = wantsColour(host.stderr, host.env, colour)
  program.configureOutput({
    writeOut: (text) => host.stdout.write(text),
    writeErr: (text) => host.stderr.write(text),
    // Usage faults are explained by the same code as all others.
    outputError: () => undefined,
    getOutHelpWidth: () => helpWidth(host.stdout.columns),
    getErrHelpWidth: () => helpWidth(host.stderr.columns),
    getOutHasColors: () => onOut,
    getErrHasColors: () => onErr,
  })
  const paint = paintFor(onOut || onErr)
  program.configureHelp({
    showGlobalOptions: true,
    visibleGlobalOptions: (command) => (command === program ? [] : program.options).filter((option) => option.long !== '--version'),
    minWidthToWrap: 1,
    displayWidth,
    styleUsage: (text) => wrapText(text, helpWidth(host.stdout.columns) - 7).join('\n       '),
    styleTitle: (text) => paint.bold(text),
    styleOptionText: (text) => paint.cyan(text),
    styleSubcommandText: (text) => paint.cyan(text),
    styleArgumentText: (text) => paint.cyan(text),
    subcommandTerm: (command) => [command.name(), ...command.registeredArguments.map(argumentTerm)].join(' '),
    formatItem,
    boxWrap: (text, width) => wrapText(text, width).join('\n'),
    argumentDescription: (argument) => argument.description + choicesOf(argument),
    optionDescription(option: Option) {
      const fallback =
        option.defaultValue === undefined || option.negate || option.isBoolean()
          ? ''
          : ` (default: ${option.defaultValueDescription ?? String(option.defaultValue)})`
      return option.description + choicesOf(option) + fallback
    },
  })
}

/** Adds the examples that every command's help ends with. */
export function addExamples(command: Command, examples: readonly Example[], host: Host): void {
  command.addHelpText('after', ({ error }) => {
    const width = helpWidth((error ? host.stderr : host.stdout).columns)
    const lines = examples.flatMap(([line, what]) => [
      ...wrapText(what, width - 4).map((part) => `  # ${part}`),
      ...wrapCommand(line, width - 8),
    ])
    return ['', 'Examples:', ...lines, ''].join('\n')
  })
}

/** A command line for copying: broken only between words, with the backslash that the shell wants. */
function wrapCommand(line: string, width: number): string[] {
  const parts = wrapText(line, width, 'keep')
  return parts.map((part, index) => `  ${index === 0 ? '$ ' : '    '}${part}${index < parts.length - 1 ? ' \\' : ''}`)
}

function choicesOf({ argChoices }: Argument | Option): string {
  return argChoices === undefined ? '' : ` (one of: ${argChoices.join(', ')})`
}

/** The last words of every help. */
export function addExitNote(program: Command, host: Host): void {
  program.addHelpText('afterAll', ({ error }) => {
    const note =
      'Exit status: 0 done, 1 a check found differences, 2 to 11 and 70 by kind of fault, 130 stopped. All of them: docs/exit-codes.md'
    return wrapText(note, helpWidth((error ? host.stderr : host.stdout).columns)).join('\n')
  })
}

function helpWidth(columns: number | undefined): number {
  return Math.min(columns ?? 80, widest)
}

function argumentTerm(argument: Argument): string {
  const name = argument.name() + (argument.variadic ? '...' : '')
  return argument.required ? `<${name}>` : `[${name}]`
}

/** Term and description side by side; one under the other where the terminal is too narrow for that. */
function formatItem(term: string, termWidth: number, description: string, helper: Help): string {
  const width = helper.helpWidth ?? 80
  if (description === '') return `  ${term}`
  const room = width - termWidth - 4
  if (room >= narrow) {
    const indent = ' '.repeat(termWidth + 4)
    return `  ${padTo(term, termWidth)}  ${wrapText(description, room).join(`\n${indent}`)}`
  }
  return `  ${term}\n      ${wrapText(description, Math.max(10, width - 6)).join('\n      ')}`
}
