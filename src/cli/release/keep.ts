import { type Command, Option } from 'commander'
import type { ReleaseConfig } from '../../config/index.ts'
import { Fault, formatBytes, parseDuration } from '../../kit/index.ts'
import { isNothing } from '../../manifest/index.ts'
import {
  pin,
  pruneArchives,
  type Pruned,
  reconcile,
  type ReleaseContext,
  shortId,
  showRelease,
  statusOf,
  unpin,
} from '../../releases/index.ts'
import { agree, messageOption } from '../agree.ts'
import { type Call, type Cli, parsedOption } from '../command.ts'
import type { Outcome } from '../output.ts'
import { printable } from '../width.ts'
import { countText } from '../words.ts'
import {
  chooseProduct,
  chooseVariant,
  productArgument,
  selectorFrom,
  type SelectorOptions,
  selectorOptions,
  type VariantFlags,
  variantOptions,
} from './choose.ts'
import { viewLines, viewsToJson } from './text.ts'

export function addReconcileCommand(release: Command, cli: Cli, flags: VariantFlags): void {
  cli.add<{ force?: boolean }>(release, {
    name: 'reconcile',
    summary: 'Bring published files and metadata in line with the channels',
    more: 'It finishes what a crash left, and writes damaged or edited files again.',
    args: [productArgument],
    options: [
      ...variantOptions(flags),
      new Option('--force', 'after the store was brought back from a copy: write over files that were published since'),
    ],
    writes: true,
    examples: [
      ['holdfast release reconcile rcclx', 'every variant'],
      ['holdfast release reconcile rcclx --variant 6.4 --dry-run', 'what would be put right'],
    ],
    run: async (call) => {
      const isDry = call.options.dryRun === true
      const { product: chosen, variants, context } = await releasedVariants(call)
      const all = []
      for (const variant of variants) all.push(await reconcile(context, chosen, variant, { dryRun: isDry, force: call.options.force }))
      const lines = all.flatMap(({ variant, views }) => [
        call.paint.bold(printable(`${chosen.name} ${variant}`)),
        ...(views.length === 0
          ? ['  publishes nothing and keeps no metadata']
          : viewLines(views, { tense: isDry ? 'will' : 'did', paths: true }).map((line) => `  ${printable(line)}`)),
      ])
      const isDone = all.every(({ views }) => views.every(({ plan }) => isNothing(plan)))
      const last = isDone ? 'nothing to do: all is in line' : isDry ? 'dry run: nothing was changed' : 'put right'
      return {
        result: {
          product: chosen.name,
          dryRun: isDry,
          changed: !isDone && !isDry,
          variants: all.map((each) => ({ ...each, views: viewsToJson(each.views) })),
        },
        text: [...lines, last].join('\n'),
      }
    },
  })
}

interface PruneFlags {
  readonly keep?: number
  readonly keepWithin?: number
}

export function addPruneCommand(release: Command, cli: Cli, flags: VariantFlags): void {
  cli.add<PruneFlags>(release, {
    name: 'prune',
    summary: 'Drop old archives; never what a channel holds or a pin keeps',
    more: 'What either rule keeps is kept. The bytes leave the store with `holdfast store prune`.',
    args: [productArgument],
    options: [
      ...variantOptions(flags),
      parsedOption('--keep <count>', 'keep the newest archives, so many', parseCount),
      parsedOption('--keep-within <age>', 'keep archives younger than this, like 90d', parseDuration),
    ],
    writes: true,
    asks: true,
    examples: [
      ['holdfast release prune rcclx --keep 10', 'the ten newest of each variant stay'],
      ['holdfast release prune rcclx --keep-within 90d --dry-run', 'what would go'],
    ],
    run: prune,
  })
}

async function prune(call: Call<PruneFlags>): Promise<Outcome> {
  const { product: chosen, variants, context } = await releasedVariants(call)
  const isGiven = call.options.keep !== undefined || call.options.keepWithin !== undefined
  const rules = isGiven ? call.options : chosen
  const wanted = { keep: rules.keep, keepWithin: rules.keepWithin }
  const planned: Pruned[] = []
  for (const variant of variants) planned.push(await pruneArchives(context, chosen, variant, { ...wanted, dryRun: true }))
  const doomed = planned.filter(({ dropped }) => dropped.length > 0)
  const lines = doomed.flatMap(({ variant, dropped, bytes, kept }) => [
    `${variant}: ${countText(dropped.length, 'archive')}, ${formatBytes(bytes)}; ${kept} ${kept === 1 ? 'stays' : 'stay'}`,
    ...dropped.map(({ at, release: id }) => `  archives/${variant}/${at}  ${shortId(id)}`),
  ])
  const result = { ...(call.options.dryRun === true ? { dryRun: true } : {}), product: chosen.name, variants: planned }
  if (doomed.length === 0) return { result, text: 'nothing to do: every archive is kept' }
  if (call.options.dryRun === true)
    return {
      result,
      text: [...lines.map(printable), '', 'dry run: nothing was changed'].join('\n'),
    }
  await agree(call, `WARNING: archives of ${chosen.name} are dropped`, lines)
  const done: Pruned[] = []
  for (const { variant } of doomed) done.push(await pruneArchives(context, chosen, variant, wanted))
  const text = done.map(({ variant, dropped, bytes, kept }) =>
    printable(`${variant}: dropped ${countText(dropped.length, 'archive')} (${formatBytes(bytes)}), kept ${kept}`),
  )
  return {
    result: {
      product: chosen.name,
      variants: done.map(({ reconciled, ...each }) => ({ ...each, views: viewsToJson(reconciled?.views ?? []) })),
    },
    text: text.join('\n'),
  }
}

function parseCount(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new Fault('invalid', `not a count: ${JSON.stringify(text)}`, { hint: 'write a whole number such as 10' })
}

export function addPinCommands(release: Command, cli: Cli, flags: VariantFlags): void {
  const options = () => [...variantOptions(flags), ...selectorOptions()]
  cli.add<SelectorOptions & { message?: string }>(release, {
    name: 'pin',
    summary: 'Keep a release, whatever is pruned, until it is unpinned',
    args: [productArgument],
    options: [...options(), messageOption()],
    writes: true,
    examples: [
      ['holdfast release pin rcclx --variant 6.4 --archive 20250107_143000 --message "shipped to a customer"', 'an archived release stays'],
    ],
    run: (call) =>
      changePin(call, 'pinned', (context, chosen, variant, selector) => pin(context, chosen, variant, selector, call.options.message)),
  })
  cli.add<SelectorOptions>(release, {
    name: 'unpin',
    summary: 'Let prune drop a pinned release again',
    args: [productArgument],
    options: options(),
    writes: true,
    examples: [['holdfast release unpin rcclx --variant 6.4 --archive 20250107_143000', 'it is no longer kept']],
    run: (call) => changePin(call, 'unpinned', unpin),
  })
}

async function changePin(call: Call<SelectorOptions>, done: 'pinned' | 'unpinned', change: typeof unpin): Promise<Outcome> {
  const { product, variant } = chooseVariant(await call.config(), call.args[0], call.options)
  const selector = selectorFrom(call.options, call.host.clock.now())
  const context = await call.releases()
  const isDry = call.options.dryRun === true
  const { id, as } = isDry ? await showRelease(context, product, variant, selector) : await change(context, product, variant, selector)
  const text = `${isDry ? `dry run, not ${done}` : done}: ${product.name} ${variant} ${as} (${shortId(id)})`
  return {
    result: { ...(isDry ? { dryRun: true } : {}), product: product.name, variant, id, as, pinned: done === 'pinned' },
    text: printable(text),
  }
}

/** The named variant, or all that have releases. */
async function releasedVariants(call: Call<object>): Promise<{ product: ReleaseConfig; variants: string[]; context: ReleaseContext }> {
  const { product: chosen, variant } = chooseProduct(await call.config(), call.args[0], call.options)
  const context = await call.releases()
  if (variant !== undefined) return { product: chosen, variants: [variant], context }
  const all = await statusOf(context, chosen)
  return { product: chosen, variants: all.filter(({ generation }) => generation > 0).map((each) => each.variant), context }
}
