import { type Command, Option } from 'commander'
import { type Diffed, diffSnapshots, type TreeDifference } from '../../environments/index.ts'
import { Fault, formatBytes } from '../../kit/index.ts'
import type { Call, Cli } from '../command.ts'
import type { Outcome } from '../output.ts'
import { printable } from '../width.ts'
import { chooseWords, environmentArgument, type EnvironmentFlag, environmentOption } from './choose.ts'

interface DiffFlags extends EnvironmentFlag {
  readonly checksum?: boolean
  readonly exitCode?: boolean
}

export function addDiffCommand(env: Command, cli: Cli): void {
  cli.add<DiffFlags>(env, {
    name: 'diff',
    summary: 'Show the paths that differ between two snapshots, or a snapshot and the live directory',
    args: [
      environmentArgument,
      ['[a]', 'a snapshot, or live (default: what `snapshot_name` says)'],
      ['[b]', 'another one, or live (default: live)'],
    ],
    options: [
      environmentOption(),
      new Option('--checksum', 'compare the bytes of all files, whatever their times say'),
      new Option('--exit-code', 'exit with 1 where they differ'),
    ],
    examples: [
      ['holdfast env diff', 'what the tests have changed'],
      ['holdfast env diff clean_state with-users --json', 'two states, for a script'],
    ],
    run: diff,
  })
}

async function diff(call: Call<DiffFlags>): Promise<Outcome> {
  const { checksum, exitCode } = call.options
  const { context, words } = await chooseWords(call, 2)
  const [from = context.settings.snapshotName, to] = words
  if (from === (to ?? 'live')) throw new Fault('invalid', `${from} is compared with itself`, { hint: 'name another snapshot' })
  const diffed = await diffSnapshots(context, { from, to, checksum })
  return {
    result: { environment: context.name, ...diffed },
    text: diffText(diffed),
    differs: exitCode === true && diffed.differences.length > 0,
  }
}

export function diffText({ differences, counts, bytes }: Diffed): string {
  if (differences.length === 0) return 'no difference'
  const { added, changed, removed } = counts
  const total = `${added} added (${formatBytes(bytes.added)}), ${changed} changed (${formatBytes(bytes.changed)}), ${removed} removed (${formatBytes(bytes.removed)})`
  return [...differences.map((each) => printable(lineOf(each))), total].join('\n')
}

const signs = { added: '+', removed: '-', changed: '~' } as const

function lineOf({ change, path, kind, before, after, aspects }: TreeDifference): string {
  const shown = `${signs[change]} ${path}${kind === 'directory' ? '/' : ''}`
  if (change === 'changed') return `${shown}  (${aspects.join(', ')})`
  return kind === 'file' ? `${shown}  ${formatBytes(change === 'added' ? after : before)}` : shown
}
