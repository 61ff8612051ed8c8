import type { Command } from 'commander'
import { Fault } from '../../kit/index.ts'
import { archive } from '../../python-index/index.ts'
import { type Cli, parsedOption } from '../command.ts'
import { countText } from '../words.ts'
import { chosenPrefixes, environmentOption, indexContext, type IndexFlags, type PrefixFlags, prefixesArgument } from './choose.ts'
import { assertSomething, changeOutcome } from './outcome.ts'

interface ArchiveFlags extends IndexFlags, PrefixFlags {
  readonly keep?: number
}

export function addArchiveCommand(index: Command, cli: Cli): void {
  cli.add<ArchiveFlags>(index, {
    name: 'archive',
    summary: 'Move old versions into a dated archive, an index of its own that stays installable',
    more: 'Of each package the newest versions stay, by their numbers and not by their upload; yanked ones count. The others are copied to archives/PREFIX/YYYY-MM and leave the pages in one step; their files are deleted by a later run, when `grace` has passed.',
    args: [prefixesArgument],
    options: [
      environmentOption(),
      parsedOption('--keep <n>', 'versions of each package that stay (default: `keep` of the configuration)', keepFrom),
    ],
    writes: true,
    examples: [
      ['holdfast index archive all', 'every prefix of the configuration'],
      ['holdfast index archive v2/gfx94X-dcgpu --keep 60 --dry-run', 'what would go'],
    ],
    run: async (call) => {
      const context = await indexContext(call)
      const prefixes = await chosenPrefixes(call, context)
      const outcome = await changeOutcome(call, context, async (dryRun) => {
        const archived = await archive(context, { prefixes, keep: call.options.keep, dryRun })
        assertSomething(call, archived)
        return archived
      })
      return { ...outcome, incomplete: outcome.incomplete && notArchived(outcome.result as Awaited<ReturnType<typeof archive>>) }
    },
  })
}

function notArchived({ prefixes }: Awaited<ReturnType<typeof archive>>): Fault {
  const count = prefixes.reduce((sum, { refused }) => sum + refused.length, 0)
  return new Fault('partial', `${countText(count, 'file')} cannot be archived; the rest is`, {
    hint: 'those files are still published where they were; mend what is told of them, and run it again',
  })
}

function keepFrom(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new Fault('invalid', `not a number from 1 on: ${JSON.stringify(text)}`, {
    hint: 'write how many versions of each package stay, such as 60',
  })
}
