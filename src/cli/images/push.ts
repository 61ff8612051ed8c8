import { type Command, Option } from 'commander'
import { faultOfImages, planPush, type PlannedPush, pushPlanned, wasDone } from '../../images/index.ts'
import { formatBytes } from '../../kit/index.ts'
import { agree } from '../agree.ts'
import type { Call, Cli } from '../command.ts'
import type { Outcome } from '../output.ts'
import { printable } from '../width.ts'
import { countText } from '../words.ts'
import { broughtLines, broughtToJson, layerLines, shortDigest } from './brought-text.ts'
import { imagesContext } from './choose.ts'
import {
  type DownloadsFlags,
  downloadsDirOf,
  downloadsOption,
  type GithubFlags,
  type GitlabFlags,
  gitlabOptions,
  type RegistryFlags,
  registryOptions,
  retagAsLatestOption,
  skipLoginOption,
  tagArgument,
  unusedGithubOptions,
} from './options.ts'

interface PushFlags extends DownloadsFlags, GithubFlags, GitlabFlags, RegistryFlags {
  readonly skipLogin?: boolean
  readonly force?: boolean
  readonly retagAsLatest?: boolean
}

export function addPushCommand(images: Command, cli: Cli): void {
  cli.add<PushFlags>(images, {
    name: 'push',
    summary: 'Push the tarballs that were prepared to the registry; asks first',
    more: 'Tags that are there are skipped. Layers that the registry has are not sent. Run again, it goes on where it was stopped.',
    args: [tagArgument],
    options: [
      downloadsOption(),
      new Option('--force', 'also tags that are there: they are replaced where they name another image'),
      retagAsLatestOption(),
      skipLoginOption(),
      ...registryOptions(),
      ...gitlabOptions().map((option) => (/^--(gitlab-token|tls-ca)/.test(option.long ?? '') ? option : option.hideHelp())),
      ...unusedGithubOptions(),
    ],
    writes: true,
    asks: true,
    examples: [['holdfast images push --yes presto-92865fbce0d2-velox-65797d572e0a-linux-amd64', 'what was prepared, without being asked']],
    run: push,
  })
}

async function push(call: Call<PushFlags>): Promise<Outcome> {
  const { options, args, paint, screen } = call
  const { skipLogin, force, retagAsLatest, verbose, dryRun = false } = options
  const context = await imagesContext(call, { downloadsDir: downloadsDirOf(call), isDockerLogin: skipLogin })
  const tag = args[0]!
  const { downloadsDir } = context.settings
  const plan = await planPush(context, { tag, downloadsDir, typedDir: options.downloadsDir, force, isLatest: () => retagAsLatest === true })
  const open = plan.images.filter(({ isSkipped }) => !isSkipped)
  if (open.length > 0 && !dryRun) await agree(call, `Push ${countText(open.length, 'image')} of ${tag}`, open.map(planLine))
  const brought = dryRun ? [] : await pushPlanned(context, plan)
  if (verbose === true) for (const line of layerLines(brought)) screen.say(printable(line))
  const done = brought.filter(wasDone).length
  const said = dryRun
    ? `dry run: ${countText(open.length, 'image')} would be pushed`
    : done === 0
      ? 'nothing was pushed'
      : paint.green(`${countText(done, 'image')} of ${tag} pushed`)
  const skipped = plan.images.length - open.length
  return {
    result: { tag, dryRun, images: dryRun ? plan.images.map(plannedToJson) : brought.map(broughtToJson) },
    text: [
      skipped === 0 ? said : `${said}; ${countText(skipped, 'tag')} there already (--force pushes all)`,
      ...(dryRun ? open.map((image) => printable(`  ${planLine(image)}`)) : broughtLines(brought, call)),
    ].join('\n'),
    incomplete: faultOfImages(brought, 'run it again: only what is missing is pushed'),
  }
}

function planLine({ name, file, size, before }: PlannedPush): string {
  return `${name} <- ${file} (${formatBytes(size)})${before === undefined ? '' : `, which names ${shortDigest(before)} now`}`
}

function plannedToJson({ name, repository, tag, family, platform, file, before, isSkipped }: PlannedPush): Record<string, unknown> {
  return { name, repository, tag, family, platform, file, before, state: isSkipped ? 'there' : 'planned' }
}
