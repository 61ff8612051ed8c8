import path from 'node:path'
import { type Command, Option } from 'commander'
import { downloadTag } from '../../images/index.ts'
import { formatBytes } from '../../kit/index.ts'
import type { Cli } from '../command.ts'
import { printable } from '../width.ts'
import { imagesContext } from './choose.ts'
import { type GithubFlags, githubOptions, tagArgument } from './options.ts'
import { relativeTo } from '../words.ts'

interface DownloadFlags extends GithubFlags {
  readonly outputDir?: string
  readonly force?: boolean
}

export function addDownloadCommand(images: Command, cli: Cli): void {
  cli.add<DownloadFlags>(images, {
    name: 'download',
    summary: 'Download the artifact of an image tag, to be prepared and pushed',
    more: 'Only for those who want the steps: `sync` does all of them as one stream, without the disk. Run again, it goes on where it was stopped.',
    args: [tagArgument],
    options: [
      new Option('--output-dir <folder>', 'where <tag>/ is made (default: `downloads_dir` of [images], downloads)'),
      new Option('--force', 'replace what was downloaded of another run'),
      ...githubOptions(),
    ],
    examples: [['holdfast images download presto-92865fbce0d2-velox-65797d572e0a-linux-amd64', 'into downloads/']],
    run: async (call) => {
      const { options, host, args, paint } = call
      const downloadsDir = options.outputDir === undefined ? undefined : path.resolve(host.cwd, options.outputDir)
      const context = await imagesContext(call, { downloadsDir })
      const tag = args[0]!
      const done = await downloadTag(context, {
        tag,
        downloadsDir: context.settings.downloadsDir,
        typedDir: options.outputDir,
        force: options.force,
      })
      const { folder, record, fetched, resumed, unchanged } = done
      const { run, artifact, archive } = record
      const here = resumed === 0 ? '' : `; ${formatBytes(resumed)} were here already`
      const did = unchanged
        ? 'nothing to do: it was downloaded before'
        : paint.green(`${formatBytes(fetched)} fetched from ${run.url}${here}`)
      return {
        result: {
          tag,
          folder: folder.path,
          archive: folder.archive,
          size: archive.size,
          digest: archive.digest,
          artifact: artifact.id,
          run: run.id,
          url: run.url,
          fetched,
          resumed,
          unchanged,
        },
        text: [
          printable(did),
          printable(`  ${relativeTo(host.cwd, folder.archive)}  ${formatBytes(archive.size)}  ${archive.digest}`),
          printable(`next: ${folder.command('prepare')}`),
        ].join('\n'),
      }
    },
  })
}
