import path from 'node:path'
import { type Command, Option } from 'commander'
import { prepareTag } from '../../images/index.ts'
import { formatBytes } from '../../kit/index.ts'
import type { Cli } from '../command.ts'
import { printable } from '../width.ts'
import { countText, relativeTo } from '../words.ts'
import { imagesContext } from './choose.ts'
import { type DownloadsFlags, downloadsDirOf, downloadsOption, type GithubFlags, tagArgument, unusedGithubOptions } from './options.ts'

interface PrepareFlags extends DownloadsFlags, GithubFlags {
  readonly clean?: boolean
}

export function addPrepareCommand(images: Command, cli: Cli): void {
  cli.add<PrepareFlags>(images, {
    name: 'prepare',
    summary: 'Unpack a downloaded artifact, check that every tarball is there, and plan where each goes',
    more: 'Writes extracted/ and upload-plan.json beside the archive. Run again, it goes on where it was stopped.',
    args: [tagArgument],
    options: [downloadsOption(), new Option('--clean', 'throw away what was unpacked before'), ...unusedGithubOptions()],
    examples: [['holdfast images prepare presto-92865fbce0d2-velox-65797d572e0a-linux-amd64', 'what was downloaded']],
    run: async (call) => {
      const { options, host, args, paint } = call
      const context = await imagesContext(call, { downloadsDir: downloadsDirOf(call) })
      const tag = args[0]!
      const done = await prepareTag(context, {
        tag,
        downloadsDir: context.settings.downloadsDir,
        typedDir: options.downloadsDir,
        clean: options.clean,
      })
      const { folder, plan, unchanged, extras } = done
      const lines = plan.images.map(({ repository, tag: imageTag, name, size }) => {
        const file = relativeTo(host.cwd, path.join(folder.extracted, name))
        return `  ${repository}:${imageTag} <- ${file} (${formatBytes(size)})`
      })
      const did = unchanged
        ? 'nothing to do: it was prepared before'
        : paint.green(`${countText(plan.images.length, 'tarball')} of ${tag} ready to be pushed`)
      const also = extras.length === 0 ? [] : [`  left in the archive: ${extras.slice(0, 10).join(', ')}${extras.length > 10 ? ', …' : ''}`]
      return {
        result: {
          tag,
          folder: folder.path,
          plan: folder.plan,
          unchanged,
          images: plan.images.map(({ name, ...image }) => ({ ...image, file: path.join(folder.extracted, name) })),
          extras,
        },
        text: [did, ...lines, ...also, `next: ${folder.command('push')}`].map(printable).join('\n'),
      }
    },
  })
}
