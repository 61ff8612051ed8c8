import { Argument, type Command, type Option } from 'commander'
import { Fault } from '../kit/index.ts'
import type { Cli } from './command.ts'

const shells = { bash: bashScript, zsh: zshScript, fish: fishScript } as const

export function addCompletionCommand(program: Command, cli: Cli): void {
  cli
    .add(program, {
      name: 'completion',
      summary: 'Print a script that completes commands and options in your shell',
      examples: [
        ['source <(holdfast completion bash)', 'bash, for this shell; put the line into ~/.bashrc to keep it'],
        ['holdfast completion zsh > "${fpath[1]}/_holdfast"', 'zsh'],
        ['holdfast completion fish > ~/.config/fish/completions/holdfast.fish', 'fish'],
      ],
      run: async ({ args: [shell] }) => {
        if (!isShell(shell)) throw new Fault('invalid', `no completion for the shell ${JSON.stringify(shell)}`)
        const script = shells[shell](completionTree(program))
        return { result: { shell, script }, text: script.trimEnd() }
      },
    })
    .addArgument(new Argument('<shell>', 'the shell that the script is for').choices(Object.keys(shells)))
}

function isShell(name: string | undefined): name is keyof typeof shells {
  return name !== undefined && Object.hasOwn(shells, name)
}

/** One command with what may follow it. */
export interface CompletionNode {
  /** Names from the program down, without it: `release create`. */
  readonly path: readonly string[]
  readonly summary: string
  readonly commands: readonly CompletionNode[]
  readonly options: readonly CompletionOption[]
  /** Words that the first argument may be; empty where any may. */
  readonly words: readonly string[]
}

interface CompletionOption {
  readonly flags: readonly string[]
  readonly description: string
  readonly takesValue: boolean
  readonly choices: readonly string[]
  readonly isFile: boolean
}

export function completionTree(
  command: Command,
  path: readonly string[] = [],
  inherited: readonly CompletionOption[] = [],
): CompletionNode {
  const own = command.options.filter((option) => !option.hidden).map(optionOf)
  const options = [...own, ...inherited]
  return {
    path,
    summary: command.summary() || command.description(),
    commands: command.commands.map((child) => completionTree(child, [...path, child.name()], options)),
    options: [...options, { flags: ['-h', '--help'], description: 'show help', takesValue: false, choices: [], isFile: false }],
    words: command.registeredArguments[0]?.argChoices ?? [],
  }
}

function optionOf(option: Option): CompletionOption {
  return {
    flags: [option.short, option.long].filter((flag) => flag !== undefined),
    description: option.description,
    takesValue: option.required || option.optional,
    choices: option.argChoices ?? [],
    isFile: /<(file|folder|path)>/i.test(option.flags),
  }
}

function flatten(node: CompletionNode): CompletionNode[] {
  return [node, ...node.commands.flatMap(flatten)]
}

function nameOf(node: CompletionNode): string {
  return node.path.at(-1)!
}

function bashScript(root: CompletionNode): string {
  const nodes = flatten(root)
  const key = (node: CompletionNode) => ['holdfast', ...node.path].join(' ')
  const valueFlags = [
    ...new Set(nodes.flatMap((node) => node.options.filter((option) => option.takesValue).flatMap((option) => option.flags))),
  ]
  const descend = nodes.filter((node) => node.path.length > 0).map((node) => `      ${bashQuote(key(node))}) at="$at $word" ;;`)
  const values = nodes.flatMap((node) =>
    node.options
      .filter((option) => option.takesValue)
      .flatMap((option) => option.flags.map((flag) => `    ${bashQuote(`${key(node)} ${flag}`)}) ${bashValues(option)}; return ;;`)),
  )
  const words = nodes.map((node) => {
    const offered = [...node.commands.map(nameOf), ...node.words]
    const flags = node.options.flatMap((option) => option.flags)
    return `    ${bashQuote(key(node))}) words=${bashQuote(offered.join(' '))} flags=${bashQuote(flags.join(' '))} ;;`
  })
  return `# bash completion for holdfast; made by: holdfast completion bash
_holdfast() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
  local at=holdfast word index skip= words= flags=
  COMPREPLY=()
  for ((index = 1; index < COMP_CWORD; index++)); do
    word="\${COMP_WORDS[index]}"
    if [[ -n $skip ]]; then skip=; continue; fi
    case "$word" in
      ${valueFlags.join('|')}) skip=1; continue ;;
    esac
    case "$at $word" in
${descend.join('\n')}
    esac
  done
  case "$at $previous" in
${values.join('\n')}
  esac
  case "$at" in
${words.join('\n')}
  esac
  if [[ $current == -* ]]; then
    COMPREPLY=($(compgen -W "$flags" -- "$current"))
  elif [[ -n $words ]]; then
    COMPREPLY=($(compgen -W "$words" -- "$current"))
  else
    compopt -o default 2>/dev/null
  fi
}
complete -F _holdfast holdfast
`
}

function bashValues(option: CompletionOption): string {
  if (option.choices.length > 0) return `COMPREPLY=($(compgen -W ${bashQuote(option.choices.join(' '))} -- "$current"))`
  return option.isFile ? 'compopt -o default 2>/dev/null' : ':'
}

function bashQuote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

function zshScript(root: CompletionNode): string {
  const name = (node: CompletionNode) => ['_holdfast', ...node.path].join('_').replaceAll('-', '_')
  const functions = flatten(root).map((node) => {
    const options = node.options.flatMap((option) => option.flags.map((flag) => `    ${bashQuote(zshOption(flag, option))}`))
    if (node.commands.length === 0) {
      const rest = node.words.length > 0 ? `1:word:(${node.words.join(' ')})` : '*:file:_files'
      return `${name(node)}() {\n  _arguments \\\n${[...options, `    ${bashQuote(rest)}`].join(' \\\n')}\n}`
    }
    const list = node.commands.map((child) => `    ${bashQuote(`${nameOf(child)}:${zshText(child.summary)}`)}`)
    const cases = node.commands.map((child) => `        ${nameOf(child)}) ${name(child)} ;;`)
    return `${name(node)}() {
  local context state line
  typeset -A opt_args
  local -a commands=(
${list.join('\n')}
  )
  _arguments -C \\
${options.join(' \\\n')} \\
    '1: :->command' \\
    '*:: :->rest'
  case $state in
    command) _describe command commands ;;
    rest)
      case $line[1] in
${cases.join('\n')}
      esac ;;
  esac
}`
  })
  return `#compdef holdfast
# zsh completion for holdfast; made by: holdfast completion zsh
${functions.join('\n\n')}

if [ "$funcstack[1]" = "_holdfast" ]; then _holdfast "$@"; else compdef _holdfast holdfast; fi
`
}

function zshOption(flag: string, option: CompletionOption): string {
  const value = option.choices.length > 0 ? `:value:(${option.choices.join(' ')})` : option.isFile ? ':file:_files' : ':value:'
  return `${flag}[${zshText(option.description)}]${option.takesValue ? value : ''}`
}

function zshText(text: string): string {
  return text.replace(/[[\]:\\]/g, '\\$&')
}

function fishScript(root: CompletionNode): string {
  const lines = flatten(root).flatMap((node) => {
    const when = `__holdfast_at ${node.path.join(' ')}`.trimEnd()
    const start = `complete -c holdfast -n ${bashQuote(when)}`
    return [
      ...node.commands.map((child) => `${start} -f -a ${bashQuote(nameOf(child))} -d ${fishText(child.summary)}`),
      ...node.words.map((word) => `${start} -f -a ${bashQuote(word)}`),
      ...node.options.map((option) => {
        const flags = option.flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`)).join(' ')
        const value = option.choices.length > 0 ? ` -x -a ${bashQuote(option.choices.join(' '))}` : option.isFile ? ' -r -F' : ' -x'
        return `${start} ${flags}${option.takesValue ? value : ''} -d ${fishText(option.description)}`
      }),
    ]
  })
  const paths = flatten(root)
    .filter((node) => node.path.length > 0)
    .map((node) => bashQuote(node.path.join(' ')))
  return `# fish completion for holdfast; made by: holdfast completion fish
function __holdfast_at
    set -l at
    for word in (commandline -opc)[2..]
        set -l next (string trim -- "$at $word")
        contains -- "$next" ${paths.join(' ')}; and set at $next
    end
    test "$at" = "$argv"
end
${lines.join('\n')}
`
}

function fishText(text: string): string {
  return `'${text.replace(/['\\]/g, '\\$&')}'`
}
