import type { Config } from '../../config/index.ts'
import type { SplitUnit } from '../../daemon/index.ts'

/** Whether a command line names several things that can be done apart, by several workers. */
export function splits(words: readonly string[]): boolean {
  return ruleFor(words) !== undefined
}

/** The same command line for one thing each. What a line without a rule does is one unit. */
export function splitter(config: () => Config): SplitUnit {
  return async (words, run) => (await ruleFor(words)?.(words, config(), run)) ?? [words]
}

type Rule = (words: readonly string[], config: Config, run: Parameters<SplitUnit>[1]) => Promise<(readonly string[])[]>

function ruleFor(words: readonly string[]): Rule | undefined {
  const [group, command, ...rest] = words
  if (rest.includes('--dry-run')) return undefined
  if (group === 'index' && command === 'mirror' && !rest.some((word) => /^--(prefix|auto-detect-prefixes)(=|$)/.test(word)))
    return perPrefix
  return undefined
}

/** `index mirror`: each prefix is filled by itself. */
const perPrefix: Rule = async (words, { index }) => {
  const at = words.findIndex((word) => word === '--env' || word.startsWith('--env='))
  const name = at === -1 ? undefined : words[at]!.startsWith('--env=') ? words[at]!.slice('--env='.length) : words[at + 1]
  const prefixes = (name === undefined ? undefined : index?.env[name]?.prefixes) ?? index?.prefixes ?? []
  return prefixes.length < 2 ? [words] : prefixes.map((prefix) => [...words, '--prefix', prefix])
}
