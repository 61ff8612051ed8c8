import path from 'node:path'
import type { Command } from 'commander'
import { formatBytes } from '../../kit/index.ts'
import { type VerifiedRuns, verifyRuns } from '../../runs/sync/index.ts'
import type { Call, Cli } from '../command.ts'
import { printable } from '../width.ts'
import { type FolderFlags, folderOption } from './choose.ts'
import { countText, isoTime } from '../words.ts'

const mostShown = 50

export function addVerifyCommand(runs: Command, cli: Cli): void {
  cli.add<FolderFlags>(runs, {
    name: 'verify',
    summary: 'Read every file that was synced and compare it with its digest',
    more: 'It asks nothing of the source, changes nothing, and exits with 1 where a file differs or could not be synced.',
    options: [folderOption()],
    examples: [['holdfast runs verify --to runs', 'whether every byte is what it was']],
    run: async (call) => {
      const folder = path.resolve(call.host.cwd, call.options.to)
      const verified = await verifyRuns(folder, { signal: call.signal })
      return {
        result: {
          folder,
          ...verified,
          pending: { ...verified.pending, first: verified.pending.first.map((each) => ({ ...each, since: isoTime(each.since) })) },
        },
        text: verifiedText(call, verified),
        differs: verified.differences.count + verified.pending.count > 0,
      }
    },
  })
}

function verifiedText({ paint }: Call<object>, { files, bytes, differences, pending }: VerifiedRuns): string {
  const lines = [
    ...differences.first.slice(0, mostShown).map(({ key, what, why }) => `${paint.red(what)}  ${printable(key)}: ${printable(why)}`),
    ...pending.first.slice(0, mostShown).map(({ key, reason }) => `${paint.yellow('not synced')}  ${printable(key)}: ${printable(reason)}`),
  ]
  const count = differences.count + pending.count
  if (count > lines.length) lines.push(`... and ${countText(count - lines.length, 'other')}`)
  const end = count === 0 ? 'all are what they were' : `${countText(differences.count, 'difference')}, ${pending.count} not synced`
  return [...lines, `${countText(files, 'file')}, ${formatBytes(bytes)}: ${end}`].join('\n')
}
