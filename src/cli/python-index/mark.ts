import { type Command, Option } from 'commander'
import { Fault } from '../../kit/index.ts'
import { markProject, projectStatuses } from '../../python-index/index.ts'
import { messageOption } from '../agree.ts'
import type { Cli } from '../command.ts'
import { environmentOption, indexContext, type IndexFlags, prefixFrom } from './choose.ts'
import { changeOutcome } from './outcome.ts'

interface MarkFlags extends IndexFlags {
  readonly reason?: string
  readonly message?: string
}

export function addMarkCommand(index: Command, cli: Cli): void {
  cli.add<MarkFlags>(index, {
    name: 'mark',
    summary: 'Say that a package is archived, quarantined, deprecated, or active again',
    more: 'Installers that know PEP 792 refuse what is quarantined, and warn of the others.',
    args: [
      ['<prefix>', 'the index'],
      ['<package>', 'the package'],
      ['<status>', projectStatuses.join(', ')],
    ],
    options: [environmentOption(), new Option('--reason <text>', 'shown to whoever installs it'), messageOption()],
    writes: true,
    examples: [['holdfast index mark v2/gfx94X-dcgpu pytorch-triton deprecated --reason "use triton"', 'a package that has a successor']],
    run: async (call) => {
      const [prefix, project = '', word] = call.args
      const status = projectStatuses.find((each) => each === word)
      if (status === undefined)
        throw new Fault('invalid', `not a status: ${JSON.stringify(word)}`, { hint: `one of ${projectStatuses.join(', ')}` })
      const context = await indexContext(call)
      const { reason, message } = call.options
      const wanted = { prefix: prefixFrom(prefix), project, status, reason, message }
      return await changeOutcome(call, context, (dryRun) => markProject(context, { ...wanted, dryRun }), [
        `${project} of ${wanted.prefix}: ${status}${reason === undefined ? '' : ` (${reason})`}`,
      ])
    },
  })
}
