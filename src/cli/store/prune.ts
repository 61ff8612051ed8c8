import type { Command } from 'commander'
import { collect, type Collected } from '../../chunks/index.ts'
import { formatBytes, formatDuration, parseDuration } from '../../kit/index.ts'
import { traceNode } from '../../snapshots/index.ts'
import { type Cli, parsedOption } from '../command.ts'

interface PruneOptions {
  /** Milliseconds. */
  readonly grace: number
}

const day = 86_400_000

/** `prune`, for the store as a whole: under `store`, and under the groups whose users look for it there. */
export function addPruneCommand(group: Command, cli: Cli): void {
  cli.add<PruneOptions>(group, {
    name: 'prune',
    summary: 'Delete what no ref, pin or lease reaches, after a grace period',
    more: 'In two steps, so that it may run beside writers: a first run marks what nothing reaches, a run after the grace period deletes it.',
    options: [parsedOption('--grace <age>', 'how long something must have been unreached', parseDuration).default(day, '24h')],
    writes: true,
    examples: [
      [`holdfast ${group.name()} prune`, 'from cron, once a day'],
      [`holdfast ${group.name()} prune --grace 7d --dry-run`, 'what would be marked and deleted'],
    ],
    run: async ({ options, host, report, signal, snapshots }) => {
      const context = await snapshots()
      const dryRun = options.dryRun === true
      const collected = await collect({
        store: context.store,
        trace: traceNode,
        cache: await context.cacheDir(),
        clock: host.clock,
        random: host.random,
        grace: options.grace,
        dryRun,
        report,
        signal,
      })
      return { result: { dryRun, ...collected }, text: collectedText(collected, options.grace, dryRun) }
    },
  })
}

function collectedText({ kept, condemned, deleted, repacked, young, waiting, swept }: Collected, grace: number, dryRun: boolean): string {
  const lines: string[] = []
  if (deleted.objects > 0) lines.push(`deleted ${deleted.objects} objects, ${formatBytes(deleted.bytes)}`)
  if (swept > 0) lines.push(`removed ${swept} leftovers of interrupted writes`)
  if (condemned.objects > 0) {
    const what = `${condemned.objects} objects, ${formatBytes(condemned.bytes)}, that nothing reaches`
    lines.push(dryRun ? `would mark ${what}` : `marked ${what}; a prune in ${formatDuration(grace)} or later deletes them`)
  }
  if (repacked.objects > 0)
    lines.push(`${dryRun ? 'would pack' : 'packed'} anew what is needed of ${repacked.objects} packs, ${formatBytes(repacked.bytes)}`)
  if (lines.length === 0) lines.push('nothing to do')
  const others = [
    ...(young === 0 ? [] : [`; ${young} are too young to judge`]),
    ...(waiting === 0 ? [] : [`; ${waiting} wait for writers to end`]),
  ]
  return [...lines, `${kept} objects are reached and stay${others.join('')}`].join('\n')
}
