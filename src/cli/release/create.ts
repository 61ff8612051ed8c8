import path from 'node:path'
import { type Command, Option } from 'commander'
import type { ReleaseConfig } from '../../config/index.ts'
import { formatBytes } from '../../kit/index.ts'
import { type Created, createRelease, type CreatePlan, planCreate, type ReleaseContext, shortId } from '../../releases/index.ts'
import { agree, messageOption } from '../agree.ts'
import { type Call, type Cli, repeatedOption } from '../command.ts'
import type { Outcome } from '../output.ts'
import { printable } from '../width.ts'
import { chooseVariant, productArgument, type VariantFlags, variantOptions } from './choose.ts'
import { relativeTo } from '../words.ts'
import { stepLines, viewsToJson } from './text.ts'
import { afterMove, dryRunOf } from './told.ts'

interface CreateFlags {
  readonly artifact?: string[]
  /** False for --no-build. */
  readonly build: boolean
  readonly channel?: string
  readonly force?: boolean
  readonly message?: string
}

export function addCreateCommand(release: Command, cli: Cli, flags: VariantFlags): void {
  cli.add<CreateFlags>(release, {
    name: 'create',
    summary: 'Build, store, and make it stable: stable becomes last-stable, that an archive',
    args: [productArgument],
    options: [
      ...variantOptions(flags),
      repeatedOption('--artifact <file>', 'release this file or folder and build nothing'),
      new Option('--no-build', 'release what is built already'),
      new Option('--channel <name>', 'enter this channel, such as staging (default: stable)'),
      messageOption(),
      new Option('--force', 'rotate although nothing is new; publish over files that holdfast did not write'),
    ],
    writes: true,
    asks: true,
    examples: [
      ['holdfast release create rcclx --variant 6.4', 'builds, asks, releases'],
      ['holdfast release create rcclx --variant 6.4 --artifact out/librcclx-dev.a --yes', 'in CI, with a file that is built already'],
      ['holdfast release create rcclx --variant 6.4 --channel staging --message "nightly"', 'to be promoted after its tests'],
    ],
    run: create,
  })
}

async function create(call: Call<CreateFlags>): Promise<Outcome> {
  const { options, host } = call
  const { product: chosen, variant } = chooseVariant(await call.config(), call.args[0], options)
  const context = await call.releases()
  const wanted = {
    channel: options.channel,
    artifacts: options.artifact?.map((file) => path.resolve(host.cwd, file)),
    noBuild: !options.build,
    force: options.force,
    message: options.message,
  }
  const plan = await planCreate(context, chosen, variant, wanted)
  const lines = createLines(chosen, variant, plan, context, host.cwd)
  if (options.dryRun === true) return dryRunOf(plan.rotation, { product: chosen.name, variant, channel: plan.channel }, lines)
  await agree(call, `WARNING: this changes what ${plan.channel} of ${chosen.name} ${variant} is`, lines)
  const output = buildOutput(call)
  const created = await createRelease(context, chosen, variant, { ...wanted, onBuildOutput: output.take })
  output.end()
  return {
    result: {
      product: chosen.name,
      variant,
      channel: plan.channel,
      id: created.id,
      files: created.release.files,
      sources: created.release.sources,
      generation: created.moved.after.generation,
      steps: created.rotation.steps,
      sent: created.sent,
      reused: created.reused,
      storeIsNew: created.storeIsNew,
      lostRaces: created.moved.lost,
      views: viewsToJson(created.reconciled.views),
    },
    text: createdText(call, chosen, variant, plan.channel, created, context),
  }
}

function createLines(chosen: ReleaseConfig, variant: string, plan: CreatePlan, context: ReleaseContext, cwd: string): string[] {
  return [
    ...(plan.buildCommand === undefined ? [] : [`build      ${plan.buildCommand}`]),
    ...plan.artifacts.map((artifact) => `artifact   ${relativeTo(cwd, artifact)}`),
    `store      ${context.store.name}`,
    ...(chosen.publish === undefined ? [] : [`published  ${chosen.publish.url}`]),
    ...(chosen.metadata === undefined ? [] : [`metadata   ${relativeTo(cwd, chosen.metadata)}`]),
    '',
    'What will happen, in one step:',
    ...stepLines(plan.rotation.steps, variant, 'will').map((line) => `  ${line}`),
  ]
}

function createdText(
  call: Call<object>,
  chosen: ReleaseConfig,
  variant: string,
  channel: string,
  created: Created,
  context: ReleaseContext,
): string {
  const size = created.release.files.reduce((sum, file) => sum + file.size, 0)
  const reused = created.reused > 0 ? `; ${formatBytes(created.reused)} were there already` : ''
  return [
    call.paint.green(printable(`${channel} of ${chosen.name} ${variant} is now ${shortId(created.id)} (${formatBytes(size)})`)),
    ...stepLines(created.rotation.steps, variant, 'did').map((line) => `  ${line}`),
    ...(created.storeIsNew ? [`  made the store ${context.store.name}`] : []),
    `  stored ${formatBytes(created.sent)}${reused}`,
    ...afterMove(created),
  ].join('\n')
}

/** With --verbose the build's output is shown as it comes, whole lines at a time, so that the progress line survives it. */
function buildOutput(call: Call<object>): { take(piece: Buffer): void; end(): void } {
  let rest = ''
  const show = (text: string) => {
    if (call.options.verbose === true && text !== '') call.screen.say(text)
  }
  return {
    take(piece) {
      const text = rest + piece.toString('utf8')
      const end = text.lastIndexOf('\n')
      rest = text.slice(end + 1)
      if (end >= 0) show(text.slice(0, end))
    },
    end: () => show(rest),
  }
}
