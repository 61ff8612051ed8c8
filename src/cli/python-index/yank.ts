import { type Command, Option } from 'commander'
import { unyank, yank } from '../../python-index/index.ts'
import { messageOption } from '../agree.ts'
import type { Call, Cli } from '../command.ts'
import { environmentOption, indexContext, type IndexFlags, prefixFrom } from './choose.ts'
import { changeOutcome } from './outcome.ts'

interface YankFlags extends IndexFlags {
  readonly file?: string
  readonly reason?: string
  readonly message?: string
}

const args = [
  ['<prefix>', 'the index'],
  ['<package>', 'the package'],
  ['<version>', 'the version'],
] as const

const fileOption = () => new Option('--file <name>', 'only this file of the version')

function wantedOf({ args: [prefix, project = '', version = ''], options: { file, message } }: Call<YankFlags>) {
  return { prefix: prefixFrom(prefix), project, version, file, message }
}

function whatOf({ prefix, project, version, file }: ReturnType<typeof wantedOf>): string {
  return `${file ?? `${project} ${version}`} of ${prefix}`
}

export function addYankCommand(index: Command, cli: Cli): void {
  cli.add<YankFlags>(index, {
    name: 'yank',
    summary: 'Have installers pass a version over, unless it is asked for exactly',
    more: 'The files stay where they are (PEP 592): who has pinned the version still gets it, and is shown the reason.',
    args,
    options: [environmentOption(), fileOption(), new Option('--reason <text>', 'shown to whoever installs it'), messageOption()],
    writes: true,
    examples: [['holdfast index yank v2/gfx94X-dcgpu torch 2.7.0 --reason "wrong results on gfx942"', 'all files of the version']],
    run: async (call) => {
      const context = await indexContext(call)
      const wanted = { ...wantedOf(call), reason: call.options.reason }
      return await changeOutcome(call, context, (dryRun) => yank(context, { ...wanted, dryRun }), [
        `${whatOf(wanted)}: yanked${wanted.reason === undefined ? '' : ` (${wanted.reason})`}`,
      ])
    },
  })
}

export function addUnyankCommand(index: Command, cli: Cli): void {
  cli.add<YankFlags>(index, {
    name: 'unyank',
    summary: 'Take a yank back',
    args,
    options: [environmentOption(), fileOption(), messageOption()],
    writes: true,
    examples: [['holdfast index unyank v2/gfx94X-dcgpu torch 2.7.0', 'installers take it again']],
    run: async (call) => {
      const context = await indexContext(call)
      const wanted = wantedOf(call)
      return await changeOutcome(call, context, (dryRun) => unyank(context, { ...wanted, dryRun }), [
        `${whatOf(wanted)}: not yanked any more`,
      ])
    },
  })
}
