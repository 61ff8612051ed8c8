import type { Command } from 'commander'
import { Fault } from '../../kit/index.ts'
import { publishKeys } from '../../python-index/index.ts'
import type { Cli } from '../command.ts'
import { agreeIfProtected, environmentOption, indexContext, type IndexFlags } from './choose.ts'
import { printable } from '../width.ts'
import { incompleteOf, publishedLines, purgeOf } from './text.ts'

export function addEventCommand(index: Command, cli: Cli): void {
  cli.add<IndexFlags>(index, {
    name: 'event',
    summary: 'Publish files that were just put into the bucket or deleted: only the pages that they touch',
    more: 'For what a bucket calls when something changes in it. The bytes are those that `publish` would write. Keys may be percent-encoded, as they are in events of S3.',
    args: [['<keys...>', 'keys in the bucket, as its events name them']],
    options: [environmentOption()],
    examples: [['holdfast index event v2/gfx94X-dcgpu/torch-2.6.0-cp311-cp311-linux_x86_64.whl', 'one wheel that was uploaded']],
    run: async (call) => {
      const context = await indexContext(call)
      const keys = call.args.map((key) => keyOfEvent(key ?? ''))
      await agreeIfProtected(call, context, async () => keys.map((key) => `  publish what ${printable(key)} has become`))
      await context.prepareStore()
      const published = await publishKeys(context, keys)
      return {
        result: {
          ...published,
          environment: context.environment.name,
          purge: purgeOf(published),
        },
        text:
          published.prefixes.length === 0
            ? 'nothing to do: none of these is a wheel or source distribution of an index'
            : publishedLines(published, call.paint, false).join('\n'),
        incomplete: incompleteOf(published),
      }
    },
  })
}

/** S3 writes keys into its events percent-encoded, a plus sign as `%2B`. A bare one, for a space there, is taken for what it is: no index has spaces in its keys. */
function keyOfEvent(key: string): string {
  try {
    return decodeURIComponent(key)
  } catch {
    throw new Fault('invalid', `this is no key of an event: ${JSON.stringify(key)}`, {
      hint: 'percent signs begin an escape: write %25 for a percent sign',
    })
  }
}
