import { type Command, Option } from 'commander'
import { parseTime } from '../../kit/index.ts'
import { type Once, rollback } from '../../python-index/index.ts'
import { messageOption } from '../agree.ts'
import { type Cli, parsedOption } from '../command.ts'
import { environmentOption, indexContext, type IndexFlags, prefixFrom } from './choose.ts'
import { changeOutcome } from './outcome.ts'
import { generationFrom } from './promote.ts'

interface RollbackFlags extends IndexFlags {
  readonly to?: number
  readonly asOf?: string
  readonly message?: string
}

export function addRollbackCommand(index: Command, cli: Cli): void {
  cli.add<RollbackFlags>(index, {
    name: 'rollback',
    summary: 'Publish what an index published before: files, yanks and status',
    more: 'Files that came since stay in the bucket and off the pages; rolling forward takes them back. What is gone is copied back from the archive, or named, with nothing changed (exit status 4).',
    args: [['<prefix>', 'the index']],
    options: [
      environmentOption(),
      parsedOption('--to <generation>', 'what it published in this generation (default: before its last change)', generationFrom).conflicts(
        'asOf',
      ),
      new Option('--as-of <time>', 'what it published at this time (2025-01-15T14:30Z, or an age: 36h)'),
      messageOption(),
    ],
    writes: true,
    examples: [
      ['holdfast index rollback v2/gfx94X-dcgpu --message "crashes on gfx942"', 'to before the last change'],
      ['holdfast index rollback v2/gfx94X-dcgpu --to 41', 'to a generation; see: holdfast index generations'],
    ],
    run: async (call) => {
      const { to: generation, asOf, message } = call.options
      const context = await indexContext(call)
      const now = call.host.clock.now()
      const to: Once | undefined =
        asOf !== undefined ? { asOf: parseTime(asOf, now) } : generation === undefined ? undefined : { generation }
      const wanted = { prefix: prefixFrom(call.args[0]), to, message }
      return await changeOutcome(call, context, (dryRun) => rollback(context, { ...wanted, dryRun }))
    },
  })
}
