import { type Command, Option } from 'commander'
import { Fault } from '../../kit/index.ts'
import { promote, type PromoteOptions } from '../../python-index/index.ts'
import { messageOption } from '../agree.ts'
import { type Cli, parsedOption } from '../command.ts'
import { environmentOption, indexContext, type IndexFlags, prefixFrom } from './choose.ts'
import { closureGate, type ClosureFlags, closureOptions } from './closure.ts'
import { changeOutcome } from './outcome.ts'

interface PromoteFlags extends IndexFlags, ClosureFlags {
  readonly package?: string
  readonly version?: string
  readonly expect?: number
  readonly message?: string
}

export function addPromoteCommand(index: Command, cli: Cli): void {
  cli.add<PromoteFlags>(index, {
    name: 'promote',
    summary: 'Publish in one index what another one publishes: the very bytes that were tested',
    more: 'Files are copied inside of the bucket, with their upload times and yanks. Where a name has other bytes there, nothing is changed (exit status 5).',
    args: [
      ['<from>', 'the index that was tested'],
      ['<to>', 'the index that gets it'],
    ],
    options: [
      environmentOption(),
      new Option('--package <name>', 'only this package'),
      new Option('--version <version>', 'only this version'),
      parsedOption('--expect <generation>', 'only if this generation was the last one that changed <from>', generationFrom),
      messageOption(),
      ...closureOptions('promote only if everything can be installed from <to> alone then'),
    ],
    writes: true,
    examples: [
      ['holdfast index promote v2-staging/gfx94X-dcgpu v2/gfx94X-dcgpu --expect 41', 'all of it, if nothing came since it was tested'],
      ['holdfast index promote v2-staging/gfx94X-dcgpu v2/gfx94X-dcgpu --package torch --version 2.7.0', 'one version of one package'],
    ],
    run: async (call) => {
      const { options } = call
      const context = await indexContext(call)
      const wanted: PromoteOptions = {
        from: prefixFrom(call.args[0]),
        to: prefixFrom(call.args[1]),
        project: options.package,
        version: options.version,
        expect: options.expect,
        message: options.message,
        gate: closureGate(options),
      }
      return await changeOutcome(call, context, (dryRun) => promote(context, { ...wanted, dryRun }))
    },
  })
}

export function generationFrom(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text)
  throw new Fault('invalid', `not a generation: ${JSON.stringify(text)}`, { hint: 'see: holdfast index generations' })
}
