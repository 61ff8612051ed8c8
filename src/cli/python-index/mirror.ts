import { type Command, Option } from 'commander'
import { Fault, formatBytes } from '../../kit/index.ts'
import { type IndexContext, mirror, type Mirrored, type MirrorFailure, type MirrorPlan } from '../../python-index/index.ts'
import { type Call, type Cli, repeatedOption } from '../command.ts'
import type { Outcome } from '../output.ts'
import { printable } from '../width.ts'
import { countText } from '../words.ts'
import {
  agreeIfProtected,
  detectedPrefixes,
  environmentOption,
  indexContext,
  type IndexFlags,
  type PrefixFlags,
  prefixFrom,
  prefixOptions,
} from './choose.ts'
import { listed } from './text.ts'

interface MirrorFlags extends IndexFlags, PrefixFlags {
  readonly package: string
  readonly prefix?: readonly string[]
}

export function addMirrorCommand(index: Command, cli: Cli): void {
  cli.add<MirrorFlags>(index, {
    name: 'mirror',
    summary: 'Bring dependencies from their upstream into the bucket: each file once, then copied to every prefix',
    more: 'Which ones is in [index.dependencies.NAME]. Every file is proven by its SHA-256 before it is there; what is there already, with the same digest, is not fetched. Pages are the work of `publish`.',
    options: [
      environmentOption(),
      new Option('--package <project>', 'dependencies of this project, such as torch, or all').default('all'),
      repeatedOption('--prefix <prefix>', 'only into this index'),
      ...prefixOptions(),
    ],
    writes: true,
    examples: [
      ['holdfast index mirror --package rocm --dry-run', 'what would be fetched'],
      ['holdfast index mirror --package all', 'everything that is configured'],
    ],
    run: async (call) => {
      const context = await indexContext(call)
      const { options } = call
      const prefixes = await mirroredPrefixes(call, context)
      const agree = (plan: MirrorPlan) => agreeIfProtected(call, context, async () => planLines(plan, call))
      const mirrored = await mirror(context, await (await call.wire()).http(), {
        package: options.package,
        prefixes,
        dryRun: options.dryRun,
        agree,
      })
      return outcomeOf(call, context, mirrored, prefixes)
    },
  })
}

/** Undefined: those of the configuration. */
async function mirroredPrefixes(call: Call<MirrorFlags>, context: IndexContext): Promise<string[] | undefined> {
  const { environment, report } = context
  const named = call.options.prefix?.map(prefixFrom)
  const detected = await detectedPrefixes(call, context, named !== undefined)
  for (const prefix of named ?? []) {
    if (environment.prefixes.length > 0 && !environment.prefixes.includes(prefix))
      report({
        kind: 'note',
        level: 'warning',
        text: `${prefix} is none of the prefixes of the configuration; \`publish all\` passes it over`,
      })
  }
  if (detected === undefined) return named
  // Neither what has left an index nor a target below one is a place for dependencies of its own.
  const targets = environment.dependencies.flatMap(({ target }) => (target === undefined ? [] : [`/${target}`]))
  return detected.filter((prefix) => !prefix.startsWith('archives/') && !targets.some((target) => prefix.endsWith(target)))
}

/** What publishes what was mirrored. */
function publishLine({ env, autoDetectPrefixes, startingFrom, prefix }: MirrorFlags, prefixes: readonly string[] | undefined): string {
  const where =
    autoDetectPrefixes === true
      ? ['all --auto-detect-prefixes', ...(startingFrom === undefined ? [] : [`--starting-from ${startingFrom}`])]
      : prefix === undefined
        ? ['all']
        : (prefixes ?? [])
  return ['holdfast index publish', ...where, ...(env === undefined ? [] : [`--env ${env}`])].join(' ')
}

function outcomeOf(
  call: Call<MirrorFlags>,
  { environment }: IndexContext,
  { plan, moved, failures }: Mirrored,
  prefixes: readonly string[] | undefined,
): Outcome {
  const dryRun = call.options.dryRun === true
  const { downloads, bytes, copies, standing, unproven } = plan
  const isNothing = downloads + copies === 0
  const done = isNothing
    ? failures.length === 0
      ? 'nothing to do'
      : 'nothing was fetched'
    : dryRun
      ? `would fetch ${countText(downloads, 'file')} (${formatBytes(bytes)}), make ${countText(copies, 'copy', 'copies')}`
      : `${countText(moved.downloads, 'file')} fetched (${formatBytes(moved.bytes)}), ${countText(moved.copies, 'copy', 'copies')} made in the bucket`
  const rest = [
    ...(standing === 0 ? [] : [`${countText(standing, 'place')} had the right file already`]),
    ...(unproven === 0 ? [] : [`${countText(unproven, 'place')} would be read to find out what is there`]),
  ]
  return {
    result: {
      environment: environment.name,
      dryRun,
      downloads,
      bytes,
      copies,
      standing,
      unproven,
      files: plan.files.map(fileToJson),
      moved,
      failures,
    },
    text: [
      ...(dryRun ? ['dry run: nothing was changed', ...planLines(plan, call)] : []),
      [done, ...rest].join('; '),
      ...listed(failures.map(failureText), call.paint.red('!')),
      ...(isNothing || dryRun ? [] : [`the pages are as before; next: ${printable(publishLine(call.options, prefixes))}`]),
    ].join('\n'),
    incomplete: failures.length === 0 ? undefined : incomplete(failures, dryRun),
  }
}

function planLines({ files }: MirrorPlan, { paint }: Call<object>): string[] {
  const open = files.flatMap(({ file, targets }) => {
    const missing = targets.filter(({ state }) => state === 'missing')
    return missing.length === 0 ? [] : [`${file.name} -> ${missing.map(({ index }) => index).join(', ')}`]
  })
  return listed(open, paint.green('+'))
}

function fileToJson({ project, file, targets }: MirrorPlan['files'][number]) {
  return {
    project,
    name: file.name,
    digest: file.digest,
    size: file.size,
    targets: targets.map(({ key, state }) => ({ key, state })),
  }
}

function failureText({ project, what, reason, hint }: MirrorFailure): string {
  return `${project}${what === '' ? '' : ` ${what}`}: ${reason}${hint === undefined ? '' : ` (${hint})`}`
}

function incomplete(failures: readonly MirrorFailure[], dryRun: boolean): Fault {
  return new Fault(
    'partial',
    `${countText(failures.length, 'thing')} ${dryRun ? 'cannot' : 'could not'} be mirrored${dryRun ? '' : '; the rest is done'}: ${printable(failureText(failures[0]!))}`,
    {
      hint: 'mend what is listed, and run it again: only what is missing is fetched',
    },
  )
}
