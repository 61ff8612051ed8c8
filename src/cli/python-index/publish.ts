import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Command, Option } from 'commander'
import { type IndexContext, publish, type PublishOptions, reconcile } from '../../python-index/index.ts'
import type { Call, Cli } from '../command.ts'
import type { Outcome } from '../output.ts'
import {
  chosenPrefixes,
  environmentOption,
  indexContext,
  type IndexFlags,
  type PrefixFlags,
  prefixesArgument,
  prefixOptions,
} from './choose.ts'
import { closureGate, type ClosureFlags, closureOptions } from './closure.ts'
import { assertSomething, changeOutcome } from './outcome.ts'
import { incompleteOf, publishedLines } from './text.ts'

interface PublishFlags extends IndexFlags, PrefixFlags, ClosureFlags {
  readonly package?: string
  readonly doNotUpload?: string
  readonly computeSha256?: boolean
  readonly read: boolean
  readonly includeWithdrawn?: boolean
  readonly allowEmpty?: boolean
}

export function addPublishCommand(index: Command, cli: Cli): void {
  cli.add<PublishFlags>(index, {
    name: 'publish',
    summary: 'Publish what the bucket holds: digests and metadata of new files, then the pages',
    more: 'Only files that are new or changed are looked at, and only pages whose bytes change are written. A file that cannot be published is listed with its reason (exit status 11).',
    args: [prefixesArgument],
    options: [
      environmentOption(),
      ...prefixOptions(),
      new Option('--package <name>', 'only this package'),
      new Option('--do-not-upload <dir>', 'write the pages into this folder instead, and publish nothing'),
      new Option('--compute-sha256', 'read new files whole, even where the bucket tells a digest'),
      new Option('--no-read', 'read no file whole: what has no digest is published without one, or refused with require_hash'),
      new Option('--include-withdrawn', 'publish again what a roll-back or an archiving took off'),
      new Option('--allow-empty', 'publish an index as empty that lost all of its files'),
      ...closureOptions('publish only if everything can be installed from each index alone'),
    ],
    writes: true,
    examples: [
      ['holdfast index publish all', 'every prefix of the configuration'],
      ['holdfast index publish v2/gfx94X-dcgpu --package torch', 'one package of one index'],
      ['holdfast index publish all --do-not-upload pages', 'the same pages, to look at'],
    ],
    run: publishCommand,
  })
}

async function publishCommand(call: Call<PublishFlags>): Promise<Outcome> {
  const { options } = call
  const context = await indexContext(call)
  const wanted: PublishOptions = {
    prefixes: await chosenPrefixes(call, context),
    project: options.package,
    noRead: !options.read,
    computeSha256: options.computeSha256,
    includeWithdrawn: options.includeWithdrawn,
    allowEmpty: options.allowEmpty,
    gate: closureGate(options),
  }
  if (options.doNotUpload !== undefined) return await writePages(call, context, wanted, options.doNotUpload)
  return await changeOutcome(call, context, async (dryRun) => {
    const published = await publish(context, { ...wanted, dryRun })
    assertSomething(call, published)
    return published
  })
}

async function writePages(call: Call<PublishFlags>, context: IndexContext, wanted: PublishOptions, folder: string): Promise<Outcome> {
  const target = path.resolve(call.host.cwd, folder)
  const pagesTo = await (await call.wire()).openStore(pathToFileURL(target).href)
  const published = await publish(context, { ...wanted, pagesTo })
  const lines = publishedLines(published, call.paint, true)
  return {
    result: { ...published, environment: context.environment.name, folder: target },
    text: [...lines, `the pages are in ${target}; nothing was published`].join('\n'),
    incomplete: incompleteOf(published),
  }
}

export function addReconcileCommand(index: Command, cli: Cli): void {
  cli.add<IndexFlags>(index, {
    name: 'reconcile',
    summary: 'Put pages and metadata files right that were deleted, edited or left half written',
    args: [prefixesArgument],
    options: [environmentOption()],
    writes: true,
    examples: [['holdfast index reconcile', 'everything that was ever published']],
    run: async (call) => {
      const context = await indexContext(call)
      const named = call.args.flatMap((arg) => (arg === undefined || arg === 'all' ? [] : [arg.replace(/^\/+|\/+$/g, '')]))
      const prefixes = named.length === 0 ? undefined : named
      return await changeOutcome(call, context, (dryRun) => reconcile(context, { prefixes, dryRun }))
    },
  })
}
