import type { Command } from 'commander'
import { clean, downloadFolder, planClean } from '../../images/index.ts'
import { Fault, formatBytes } from '../../kit/index.ts'
import { agree } from '../agree.ts'
import type { Cli } from '../command.ts'
import { printable } from '../width.ts'
import { countText, relativeTo } from '../words.ts'
import { chosenSettings } from './choose.ts'
import { type DownloadsFlags, downloadsDirOf, downloadsOption, type GithubFlags, tagArgument, unusedGithubOptions } from './options.ts'

export function addCleanCommand(images: Command, cli: Cli): void {
  cli.add<DownloadsFlags & GithubFlags>(images, {
    name: 'clean',
    summary: 'Remove what download and prepare wrote for an image tag; asks first',
    more: 'What others put there stays.',
    args: [tagArgument],
    options: [downloadsOption(), ...unusedGithubOptions()],
    writes: true,
    asks: true,
    examples: [['holdfast images clean --yes presto-92865fbce0d2-velox-65797d572e0a-linux-amd64', 'without being asked']],
    run: async (call) => {
      const { host, args, signal, report, paint, options } = call
      const tag = args[0]!
      const settings = await chosenSettings(call, { downloadsDir: downloadsDirOf(call) })
      const folder = downloadFolder(settings, settings, tag)
      const plan = await planClean(folder, report)
      if (plan === undefined) {
        throw new Fault('nothing-to-do', `nothing was downloaded for ${tag}`, {
          at: folder.path,
          hint: 'check the tag and --downloads-dir',
        })
      }
      const { files, bytes, left } = plan
      const here = (file: string) => printable(relativeTo(host.cwd, file))
      const dryRun = options.dryRun === true
      if (!dryRun) {
        await agree(
          call,
          `WARNING: this removes ${countText(files.length, 'file')} (${formatBytes(bytes)})`,
          files.slice(0, 10).map(({ path }) => here(path)),
        )
        await clean(plan, signal)
      }
      const kept = left.length === 0 ? [] : [`  left, since it is somebody else's: ${left.map(here).join(', ')}`]
      const did = dryRun ? `would remove ${countText(files.length, 'file')}` : paint.green(`${countText(files.length, 'file')} removed`)
      return {
        result: { tag, folder: folder.path, dryRun, files: files.map(({ path }) => path), bytes, left },
        text: [`${did}, ${formatBytes(bytes)}`, ...kept].join('\n'),
      }
    },
  })
}
