import { stat } from 'node:fs/promises'
import path from 'node:path'
import { type Command, Option } from 'commander'
import { diskFault, errno, formatBytes } from '../../kit/index.ts'
import {
  compareReleases,
  exportFormats,
  type ExportFormat,
  exportReleases,
  fetchRelease,
  historyOf,
  listReleases,
  shortId,
  showRelease,
  statusOf,
  verifyReleases,
} from '../../releases/index.ts'
import type { Call, Cli } from '../command.ts'
import { type Column, renderTable } from '../table.ts'
import { printable } from '../width.ts'
import {
  chooseProduct,
  chooseVariant,
  productArgument,
  selectorFrom,
  selectorNamed,
  type SelectorOptions,
  selectorOptions,
  type VariantFlags,
  variantOptions,
} from './choose.ts'
import { type Look, listText, showText, statusText } from './text.ts'
import { countText, relativeTo, timeText } from '../words.ts'

/** The release commands that change nothing in a store. */
export function addLookingCommands(release: Command, cli: Cli, flags: VariantFlags): void {
  addListCommands(release, cli, flags)
  addHistoryCommand(release, cli, flags)
  addShowCommands(release, cli, flags)
  addFetchCommand(release, cli, flags)
  addCheckCommands(release, cli, flags)
}

function lookOf(call: Call<object>): Look {
  return { paint: call.paint, width: call.width, now: call.host.clock.now() }
}

function addListCommands(release: Command, cli: Cli, flags: VariantFlags): void {
  cli.add(release, {
    name: 'list',
    summary: 'List all releases: channels first, then archives',
    args: [productArgument],
    options: variantOptions(flags),
    examples: [
      ['holdfast release list', 'every variant of the only product'],
      ['holdfast release list rcclx --variant 6.4 --json', 'one variant, for a script'],
    ],
    run: async (call) => {
      const chosen = chooseProduct(await call.config(), call.args[0], call.options)
      const rows = await listReleases(await call.releases(), chosen.product, chosen.variant)
      return {
        result: { product: chosen.product.name, releases: rows },
        text: rows.length === 0 ? `${chosen.product.name} has no releases yet` : listText(rows, lookOf(call)),
      }
    },
  })
  cli.add(release, {
    name: 'status',
    summary: 'Show the variants side by side: channels, ages, sizes, commits',
    args: [productArgument],
    examples: [['holdfast release status rcclx', 'where each variant stands']],
    run: async (call) => {
      const chosen = chooseProduct(await call.config(), call.args[0], call.options)
      const all = await statusOf(await call.releases(), chosen.product)
      return { result: { product: chosen.product.name, variants: all }, text: statusText(all, lookOf(call)) }
    },
  })
}

function addHistoryCommand(release: Command, cli: Cli, flags: VariantFlags): void {
  cli.add(release, {
    name: 'history',
    summary: 'Show who moved the channels, when and why, newest first',
    args: [productArgument],
    options: variantOptions(flags),
    examples: [['holdfast release history rcclx --variant 6.4', 'the moves of one variant']],
    run: async (call) => {
      const chosen = chooseProduct(await call.config(), call.args[0], call.options)
      const rows = await historyOf(await call.releases(), chosen.product, chosen.variant)
      const { paint, width } = lookOf(call)
      return {
        result: { product: chosen.product.name, moves: rows },
        text:
          rows.length === 0
            ? `${chosen.product.name} has no releases yet`
            : renderTable(moveColumns, rows, { width, paintHeader: paint.bold }),
      }
    },
  })
}

type Move = Awaited<ReturnType<typeof historyOf>>[number]

const moveColumns: Column<Move>[] = [
  { header: 'WHEN', cell: (row) => timeText(row.at), priority: 5 },
  { header: 'VARIANT', cell: (row) => row.variant, min: 7 },
  { header: 'MOVE', cell: (row) => String(row.generation), align: 'right', priority: 3 },
  { header: 'ACTION', cell: (row) => row.action },
  {
    header: 'STABLE',
    cell: (row) => (row.channels['stable'] === undefined ? '-' : shortId(row.channels['stable'])),
    priority: 4,
  },
  { header: 'BY', cell: (row) => row.by, min: 8, priority: 2 },
  { header: 'MESSAGE', cell: (row) => row.message ?? '', min: 10, priority: 1 },
]

function addShowCommands(release: Command, cli: Cli, flags: VariantFlags): void {
  cli.add<SelectorOptions>(release, {
    name: 'show',
    summary: 'Show one release: files, checksums, commits, where it is published',
    args: [productArgument],
    options: [...variantOptions(flags), ...selectorOptions()],
    examples: [
      ['holdfast release show rcclx --variant 6.4', 'what stable is'],
      ['holdfast release show rcclx --variant 6.4 --archive 20250107_143000', 'an archived release'],
      ['holdfast release show rcclx --variant 6.4 --as-of 7d', 'what stable was a week ago'],
    ],
    run: async (call) => {
      const chosen = chooseVariant(await call.config(), call.args[0], call.options)
      const look = lookOf(call)
      const shown = await showRelease(await call.releases(), chosen.product, chosen.variant, selectorFrom(call.options, look.now))
      return { result: { product: chosen.product.name, ...shown }, text: showText(chosen.product.name, shown, look) }
    },
  })
  cli.add<{ exitCode?: boolean }>(release, {
    name: 'diff',
    summary: 'Compare two releases: files, commits, build fields',
    args: [
      ['<a>', 'a channel, an archive time or an id; VARIANT:NAME for another variant'],
      ['<b>', 'the same, for the other side'],
      productArgument,
    ],
    options: [...variantOptions(flags), new Option('--exit-code', 'exit with 1 where the files differ')],
    examples: [
      ['holdfast release diff last-stable stable --variant 6.4', 'what the last release changed'],
      ['holdfast release diff 6.2:stable 6.4:stable --exit-code', 'two variants, for a script'],
    ],
    run: diffReleases,
  })
}

async function diffReleases(call: Call<{ exitCode?: boolean }>) {
  const config = await call.config()
  const [a, b] = [sideNamed(call.args[0]!), sideNamed(call.args[1]!)]
  const { product: chosen, variant } =
    a.variant !== undefined && b.variant !== undefined
      ? chooseProduct(config, call.args[2], call.options)
      : chooseVariant(config, call.args[2], call.options)
  const context = await call.releases()
  const side = (named: ReturnType<typeof sideNamed>) => ({ variant: named.variant ?? variant ?? '', selector: named.selector })
  const found = await compareReleases(context, chosen, side(a), side(b))
  const changes = found.files.flatMap((change) => {
    if (change.kind === 'add') return [`+ ${change.path}  ${formatBytes(change.after.size)}`]
    if (change.kind === 'remove') return [`- ${change.path}  ${formatBytes(change.before.size)}`]
    return change.kind === 'same' ? [] : [`~ ${change.path}  ${formatBytes(change.before.size)} -> ${formatBytes(change.after.size)}`]
  })
  const members = [
    ...found.sources.map(
      ({ name, a: x, b: y }) =>
        `${name}: ${x?.commit.slice(0, 12) ?? '-'}${x?.dirty ? ' (dirty)' : ''} -> ${y?.commit.slice(0, 12) ?? '-'}${y?.dirty ? ' (dirty)' : ''}`,
    ),
    ...found.fields.map(({ name, a: x, b: y }) => `${name}: ${x ?? '-'} -> ${y ?? '-'}`),
  ]
  const lines = [
    call.paint.bold(`${found.a.as} (${shortId(found.a.id)}) -> ${found.b.as} (${shortId(found.b.id)})`),
    ...changes.map(printable),
    ...members.map(printable),
    ...(found.sameFiles ? ['the files are the same, byte for byte'] : []),
  ]
  return { result: found, text: lines.join('\n'), differs: call.options.exitCode === true && !found.sameFiles }
}

function sideNamed(text: string): { variant: string | undefined; selector: ReturnType<typeof selectorNamed> } {
  const colon = text.startsWith('sha256:') ? -1 : text.indexOf(':')
  return { variant: colon === -1 ? undefined : text.slice(0, colon), selector: selectorNamed(text.slice(colon + 1)) }
}

function addFetchCommand(release: Command, cli: Cli, flags: VariantFlags): void {
  cli.add<SelectorOptions & { output: string; force?: boolean }>(release, {
    name: 'fetch',
    summary: 'Bring a release here: resumed after a break, verified before it has its name',
    args: [productArgument],
    options: [
      ...variantOptions(flags),
      ...selectorOptions(),
      new Option('--output <path>', 'the file to write, or the folder for a release of several files').makeOptionMandatory(),
      new Option('--force', 'replace a file that has other content'),
    ],
    writes: true,
    examples: [
      ['holdfast release fetch rcclx --variant 6.4 --output lib/', 'stable, under its own name'],
      ['holdfast release fetch rcclx --variant 6.4 --as-of 2025-01-15 --output old.a', 'what stable was that day'],
    ],
    run: async (call) => {
      const { options, host } = call
      const chosen = chooseVariant(await call.config(), call.args[0], options)
      const context = await call.releases()
      const selector = selectorFrom(options, host.clock.now())
      const output = path.resolve(host.cwd, options.output)
      const outputIsDirectory = /[/\\]$/.test(options.output) || (await isDirectory(output))
      if (options.dryRun === true) {
        const shown = await showRelease(context, chosen.product, chosen.variant, selector)
        const files = shown.release.files.map(({ path: name, size, digest }) => ({
          path: name,
          to: outputIsDirectory ? path.join(output, name) : output,
          size,
          digest,
        }))
        return {
          result: { dryRun: true, product: chosen.product.name, variant: chosen.variant, id: shown.id, as: shown.as, files },
          text: files.map((file) => `would write ${file.to}  ${formatBytes(file.size)}`).join('\n'),
        }
      }
      const { selected, files } = await fetchRelease(context, chosen.product, chosen.variant, {
        selector,
        output,
        outputIsDirectory,
        force: options.force,
      })
      const lines = files.map(
        (file) =>
          `${file.unchanged ? 'there already' : 'fetched'}: ${relativeTo(host.cwd, file.to)}  ${formatBytes(file.size)}  verified ${file.digest}`,
      )
      return {
        result: { product: chosen.product.name, variant: chosen.variant, id: selected.id, as: selected.as, files },
        text: lines.map(printable).join('\n'),
      }
    },
  })
}

async function isDirectory(name: string): Promise<boolean> {
  try {
    return (await stat(name)).isDirectory()
  } catch (error) {
    if (errno(error) === 'ENOENT') return false
    throw diskFault(error, name, 'look at the output')
  }
}

function addCheckCommands(release: Command, cli: Cli, flags: VariantFlags): void {
  cli.add(release, {
    name: 'verify',
    summary: 'Read everything stored and published again, and check every digest',
    args: [productArgument],
    options: variantOptions(flags),
    examples: [['holdfast release verify rcclx', 'exits with 1 where something is damaged or missing']],
    run: async (call) => {
      const chosen = chooseProduct(await call.config(), call.args[0], call.options)
      const context = await call.releases()
      const verified = await verifyReleases(context, chosen.product, chosen.variant)
      const problems = verified.problems.map(
        ({ where, needed, message }) =>
          `${call.paint.red('damaged:')} ${printable(`${where}: ${message}`)}\n  needed by: ${printable(needed.join(', '))}`,
      )
      const summary = `${countText(verified.objects, 'object')}, ${formatBytes(verified.bytes)} read; ${problems.length === 0 ? 'all are what they should be' : `${problems.length} ${problems.length === 1 ? 'is' : 'are'} not`}`
      const behind = verified.behind.map(
        (variant) =>
          `${call.paint.yellow('not checked:')} ${printable(`what is published of ${variant}`)} has not followed the last move yet\n  next: holdfast release reconcile`,
      )
      const isStored = ({ where }: { readonly where: string }) => where.startsWith(`${context.store.name}/`)
      const next = [
        ...(verified.problems.some(isStored)
          ? ['next: holdfast store verify --repair-from brings stored ones back from a copy of the store']
          : []),
        ...(verified.problems.every(isStored)
          ? []
          : ['next: holdfast release reconcile writes damaged published files again from the store']),
      ]
      return {
        result: { product: chosen.product.name, ...verified },
        text: [...problems, ...behind, summary, ...next].join('\n'),
        differs: problems.length > 0,
      }
    },
  })
  cli.add<{ format: ExportFormat; archives?: boolean }>(release, {
    name: 'export',
    summary: 'Print the published files with their checksums, for build systems',
    args: [productArgument],
    options: [
      ...variantOptions(flags),
      new Option('--format <format>', 'the form').choices(exportFormats).makeOptionMandatory(),
      new Option('--archives', 'archives too'),
    ],
    examples: [
      ['holdfast release export rcclx --format sha256sums > SHA256SUMS', 'for sha256sum --check'],
      ['holdfast release export rcclx --format bzl > rcclx.bzl', 'a dictionary for Bazel or Buck'],
    ],
    run: async (call) => {
      const { format, archives } = call.options
      const chosen = chooseProduct(await call.config(), call.args[0], call.options)
      const text = await exportReleases(await call.releases(), chosen.product, { format, variant: chosen.variant, archives })
      return { result: { product: chosen.product.name, format, text }, text: text.replace(/\n$/, '') }
    },
  })
}
