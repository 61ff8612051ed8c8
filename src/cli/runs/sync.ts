import { type Command, Option } from 'commander'
import { Fault, formatBytes } from '../../kit/index.ts'
import { type Selection, type SyncOptions, type SyncStats, syncRuns, watchRuns } from '../../runs/sync/index.ts'
import { agree } from '../agree.ts'
import { type Call, type Cli, parsedOption } from '../command.ts'
import type { Outcome } from '../output.ts'
import {
  chooseSource,
  type FolderFlags,
  folderOption,
  noFallbackOption,
  refuseWithinSource,
  selectionFrom,
  type SelectionFlags,
  selectionOptions,
  sourceArgument,
  type WayFlags,
  waysFrom,
} from './choose.ts'
import { previewOutcome } from './status.ts'
import { costText, failuresOf, statsToJson, wayText } from './text.ts'
import { countText } from '../words.ts'

interface SyncFlags extends FolderFlags, SelectionFlags, WayFlags {
  readonly delete?: boolean
  readonly force?: boolean
  /** Seconds. */
  readonly watch?: number
  readonly jitter?: number
}

export function addSyncCommand(runs: Command, cli: Cli): void {
  cli.add<SyncFlags>(runs, {
    name: 'sync',
    summary: 'Fetch what changed of the runs on a server into a folder',
    more: 'Every file is proven before it is in place. Without a source, the one that the folder was synced from.',
    args: [sourceArgument],
    options: [
      folderOption(),
      ...selectionOptions(),
      new Option('--delete', 'remove what an earlier sync wrote and the source does not have any more; asks first'),
      new Option('--force', 'overwrite files that were edited here'),
      parsedOption('--watch <seconds>', 'sync again and again, so many seconds after each sync', parsePause),
      parsedOption('--jitter <seconds>', 'wait a random part of this before each sync (0; 5 with --watch)', parseSeconds),
      noFallbackOption(),
    ],
    writes: true,
    examples: [
      ['holdfast runs sync sftp://ann@lab-3/data/exp --to runs', 'the first time'],
      ['holdfast runs sync --to runs --active --watch 30', 'follow what runs now'],
      ['holdfast runs sync --to runs --project vision --dry-run', 'what would be fetched'],
    ],
    run: sync,
  })
}

export function addPullCommand(runs: Command, cli: Cli): void {
  cli.add<FolderFlags & WayFlags & { readonly from?: string; readonly force?: boolean }>(runs, {
    name: 'pull',
    summary: 'Fetch one run, whatever else is synced',
    args: [['<run>', 'its id, or <project>/<name>/<id> where an id is not enough']],
    options: [
      folderOption(),
      new Option('--from <source>', 'where the runs are; without it, where the folder was synced from'),
      new Option('--force', 'overwrite files that were edited here'),
      noFallbackOption(),
    ],
    writes: true,
    examples: [['holdfast runs pull 20250101_120000_abc123 --to runs', 'this one alone']],
    run: async (call) => {
      const options = await optionsOf(call, call.options.from, { run: call.args[0] })
      return call.options.dryRun === true ? await previewOutcome(call, options) : await syncOnce(call, options)
    },
  })
}

async function sync(call: Call<SyncFlags>): Promise<Outcome> {
  const { options, host } = call
  const chosen = await optionsOf(call, call.args[0], selectionFrom(options))
  if (options.dryRun === true) return await previewOutcome(call, chosen, options.delete === true)
  const asking = options.delete === true ? { ...chosen, remove: removal(call) } : chosen
  if (options.watch === undefined) {
    const { jitter = 0 } = options
    if (jitter > 0) await host.clock.sleep(host.random() * jitter * 1000, call.signal)
    return await syncOnce(call, asking)
  }
  if (options.delete === true && options.yes !== true) {
    throw new Fault('invalid', 'a watch that removes files cannot ask each time', { hint: 'add --yes to agree beforehand' })
  }
  return await watch(call, asking, options.watch)
}

async function optionsOf(
  call: Call<FolderFlags & WayFlags & { readonly force?: boolean }>,
  source: string | undefined,
  selection: Selection,
): Promise<SyncOptions> {
  const { options, host, report, signal } = call
  const chosen = await chooseSource(call, source)
  refuseWithinSource(chosen)
  return { ...chosen, selection, ways: waysFrom(options), force: options.force, clock: host.clock, report, signal }
}

async function syncOnce(call: Call<FolderFlags>, options: SyncOptions): Promise<Outcome> {
  const stats = await syncRuns(options)
  return {
    result: { source: options.url, folder: options.folder, ...statsToJson(stats) },
    text: syncedLines(call, stats).join('\n'),
    incomplete: failuresOf(stats),
  }
}

/** Rounds that did something are told as they end; a watch ends when it is stopped. */
async function watch(call: Call<SyncFlags>, options: SyncOptions, every: number): Promise<never> {
  const { jitter = 5 } = call.options
  return await watchRuns({
    ...options,
    every,
    jitter,
    random: call.host.random,
    onRound(round) {
      if ('fault' in round) call.report({ kind: 'note', level: 'warning', text: `${round.fault.message}: trying again in ${every} s` })
      else if (!round.stats.skipped) call.screen.say(syncedLines(call, round.stats).join('\n'))
      if ('stats' in round && round.stats.failures.count > 0) {
        call.report({ kind: 'note', level: 'warning', text: failuresOf(round.stats)!.message })
      }
    },
  })
}

function removal(call: Call<SyncFlags>): NonNullable<SyncOptions['remove']> {
  return async (count, first) => {
    const more = count > first.length ? [`... and ${countText(count - first.length, 'other')}`] : []
    await agree(call, `WARNING: this removes ${countText(count, 'file')}`, [
      'An earlier sync wrote them, and the source does not have them any more.',
      '',
      ...first,
      ...more,
    ])
    return true
  }
}

function syncedLines(call: Call<object>, stats: SyncStats): string[] {
  const { paint, host } = call
  const cost = `  ${wayText(stats, host.clock.now())}; ${costText(stats)}`
  const kept =
    stats.filesKept === 0
      ? []
      : [`  ${countText(stats.filesKept, 'file')} here that the source does not have any more (--delete removes them)`]
  const mended =
    stats.recovered === 0 ? [] : [`  ${countText(stats.recovered, 'file')} set right that an interrupted sync had left half done`]
  if (stats.skipped) return [`nothing to do: ${stats.reason ?? ''}`, ...mended, ...kept, cost]
  const whole = stats.filesSynced - stats.filesAppended
  const parts: [number, string][] = [
    [whole, 'fetched'],
    [stats.filesAppended, 'continued'],
    [stats.filesAdopted, 'here already'],
    [stats.filesDeleted, 'removed'],
    [stats.failures.count, 'failed'],
  ]
  const said = parts.filter(([count]) => count > 0).map(([count, word]) => `${countText(count, 'file')} ${word}`)
  return [paint.green(`${said.join(', ')}; ${formatBytes(stats.bytesWritten)} written`), ...mended, ...kept, cost]
}

/** Without a pause a server would never have any. */
function parsePause(text: string): number {
  const seconds = secondsFrom(1, text)
  if (seconds >= 1) return seconds
  throw new Fault('invalid', `a watch rests between two syncs: ${JSON.stringify(text)} is less than a second`, {
    hint: 'write a number from 1 to 86400',
  })
}

function parseSeconds(text: string): number {
  return secondsFrom(0, text)
}

/** `least` is for the hint alone. */
function secondsFrom(least: number, text: string): number {
  const seconds = Number(text)
  if (/^\d+(\.\d+)?$/.test(text) && seconds <= 86_400) return seconds
  throw new Fault('invalid', `not a number of seconds: ${JSON.stringify(text)}`, { hint: `write a number from ${least} to 86400` })
}
