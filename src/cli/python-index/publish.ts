import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Command, Option } from 'commander'
import { type IndexContext, publish, type Published, type PublishOptions, reconcile } from '../../python-index/index.ts'
import type { Call, Cli } from '../command.ts'
import type { Outcome } from '../output.ts'
import {
  agreeIfProtected,
  chosenPrefixes,
  environmentOption,
  indexContext,
  type IndexFlags,
  type PrefixFlags,
  prefixesArgument,
  prefixOptions,
} from './choose.ts'
import { closureGate, type ClosureFlags, closureOptions } from './closure.ts'
import { incompleteOf, publishedLines } from './text.ts'

interface PublishFlags extends IndexFlags, PrefixFlags, ClosureFlags {
  readonly package?: string
  readonly doNotUpload?: string
  readonly computeSha256?: boolean
  readonly read: boolean
  readonly includeWithdrawn?: boolean
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
  const { options, paint } = call
  const context = await indexContext(call)
  const wanted: PublishOptions = {
    prefixes: await chosenPrefixes(call, context),
    project: options.package,
    noRead: !options.read,
    computeSha256: options.computeSha256,
    includeWithdrawn: options.includeWithdrawn,
    gate: closureGate(options),
  }
  if (options.doNotUpload !== undefined) return await writePages(call, context, wanted, options.doNotUpload)
  await agreeIfProtected(call, context, async () => {
    const plan = await publish(context, { ...wanted, dryRun: true })
    return plan.prefixes.some(({ hasChanged, written, removed }) => hasChanged || written.length + removed.length > 0)
      ? publishedLines(plan, paint, true)
      : []
  })
  return await outcomeOf(call, context, (dryRun) => publish(context, { ...wanted, dryRun }))
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
      await agreeIfProtected(call, context, async () => {
        const plan = await reconcile(context, { prefixes, dryRun: true })
        return plan.prefixes.some(({ written, removed }) => written.length + removed.length > 0)
          ? publishedLines(plan, call.paint, true)
          : []
      })
      return await outcomeOf(call, context, (dryRun) => reconcile(context, { prefixes, dryRun }))
    },
  })
}

/** Carries it out, or shows what it would do. */
export async function outcomeOf(
  call: Call<object>,
  context: IndexContext,
  carryOut: (dryRun: boolean) => Promise<Published>,
): Promise<Outcome> {
  const dryRun = call.options.dryRun === true
  if (!dryRun) await context.prepareStore()
  const published = await carryOut(dryRun)
  const lines = publishedLines(published, call.paint, dryRun)
  return {
    result: { ...published, environment: context.environment.name, dryRun },
    text: [...(dryRun ? ['dry run: nothing was changed'] : []), ...lines].join('\n'),
    incomplete: incompleteOf(published),
  }
}
