import { type Config, indexEnvironment } from '../../config/index.ts'
import type { SplitUnit } from '../../daemon/index.ts'
import { codeOfExit, Fault } from '../../kit/index.ts'
import type { Host } from '../host.ts'

/** Whether a command line names several things that can be done apart, by several workers. */
export function splits(words: readonly string[]): boolean {
  return ruleFor(words) !== undefined
}

/** The same command line for one thing each. What a line without a rule does is one unit. */
export function splitter(config: () => Config, host: Pick<Host, 'env'>): SplitUnit {
  return async (words, run) => (await ruleFor(words)?.({ words, run, config: config(), env: host.env })) ?? [words]
}

interface Splitting {
  readonly words: readonly string[]
  readonly run: Parameters<SplitUnit>[1]
  readonly config: Config
  readonly env: Host['env']
}

type Rule = (splitting: Splitting) => Promise<(readonly string[])[]>

/**
 * Commands that are parted: what they do for one thing stands by itself. `index mirror` is not: it fetches a file once for all prefixes, and
 * two workers would fetch it twice.
 */
function ruleFor(words: readonly string[]): Rule | undefined {
  const [group, command, ...rest] = words
  const has = (...flags: string[]) => rest.some((word) => flags.some((flag) => word === flag || word.startsWith(`${flag}=`)))
  if (has('--dry-run', '--help')) return undefined
  if (group === 'images' && command === 'sync' && has('--missing')) return perTag
  const isAll = rest[0] === 'all' || rest.every((word) => word.startsWith('--'))
  if (group === 'store' && command === 'verify' && readsAll(rest) && !has('--repair', '--repair-from')) return perPart
  if (group === 'index' && command === 'publish' && isAll && !has('--auto-detect-prefixes', '--do-not-upload')) return perPrefix
  return undefined
}

/** `images sync --missing`: a unit for each tag of which the registry lacks an image. */
const perTag: Rule = async ({ words, run }) => {
  const { exit, document } = await run([...words, '--dry-run'])
  if (exit !== 0) throw refusal(exit, document)
  const tags = (document as { result?: { tags?: readonly { tag?: unknown }[] } } | undefined)?.result?.tags ?? []
  const others = words.filter((word) => word !== '--missing')
  return tags.flatMap(({ tag }) => (typeof tag === 'string' ? [[...others, tag]] : []))
}

/** `index publish all`: a unit for each index, since each is looked through and published by itself. */
const perPrefix: Rule = async ({ words, config, env }) => {
  const at = words.findIndex((word) => word === '--env' || word.startsWith('--env='))
  const name = at === -1 ? undefined : words[at] === '--env' ? words[at + 1] : words[at]!.slice('--env='.length)
  const { S3_BUCKET_PY, CUSTOM_PREFIX } = env
  const { prefixes, dependencies } = indexEnvironment(config.index, config.file, name, { S3_BUCKET_PY, CUSTOM_PREFIX })
  const targets = [...new Set(dependencies.flatMap(({ target }) => target ?? []))]
  const all = [...new Set(prefixes.flatMap((prefix) => [prefix, ...targets.map((target) => `${prefix}/${target}`)]))]
  const others = words.filter((word, place) => place < 2 || word !== 'all')
  // The command itself says what is wrong with having none.
  return all.length < 2 ? [words] : all.map((prefix) => [...others.slice(0, 2), prefix, ...others.slice(2)])
}

/** Parts that a store is read in: what is stopped in the middle has lost a sixteenth, and as many workers can help. */
const parts = 16

function readsAll(flags: readonly string[]): boolean {
  const at = flags.findIndex((word) => /^--read-data(=100%)?$/.test(word))
  const next = flags[at + 1]
  return at !== -1 && (flags[at] !== '--read-data' || next === undefined || next === '100%' || next.startsWith('-'))
}

/** `store verify --read-data`: a unit for each part of the store by digest. */
const perPart: Rule = async ({ words }) => {
  const at = words.findIndex((word) => /^--read-data(=100%)?$/.test(word))
  const after = words[at + 1] === '100%' ? at + 2 : at + 1
  return Array.from({ length: parts }, (_part, number) => [
    ...words.slice(0, at),
    `--read-data=${number + 1}/${parts}`,
    ...words.slice(after),
  ])
}

function refusal(exit: number, document: unknown): Fault {
  const { fault } = (document ?? {}) as { fault?: { code?: string; message?: string } }
  return new Fault(codeOfExit(exit) ?? 'bug', fault?.message ?? `what is to be done could not be found out: exit status ${exit}`)
}
