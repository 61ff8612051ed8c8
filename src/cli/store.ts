import type { Command } from 'commander'
import { collect, type Collected } from '../chunks/index.ts'
import { formatBytes, formatDuration, parseDuration } from '../kit/index.ts'
import { type Cli, parsedOption } from './command.ts'

interface PruneOptions {
  /** Milliseconds. */
  readonly grace: number
}

const day = 86_400_000

/** `holdfast store …`: the whole store, whoever wrote into it. */
export function addStoreCommands(program: Command, cli: Cli): void {
  const store = cli.group(program, 'store', 'The store as a whole: give back space that nothing needs', [
    ['holdfast store prune --dry-run', 'how much would be given back'],
  ])
  cli.add<PruneOptions>(store, {
    name: 'prune',
    summary: 'Delete what no ref, pin or lease reaches, after a grace period',
    more: 'In two steps, so that it may run beside writers: a first run marks what nothing reaches, a run after the grace period deletes it.',
    options: [parsedOption('--grace <age>', 'how long something must have been unreached', parseDuration).default(day, '24h')],
    writes: true,
    examples: [
      ['holdfast store prune', 'from cron, once a day'],
      ['holdfast store prune --grace 7d --dry-run', 'what would be marked and deleted'],
    ],
    run: async ({ options, host, report, signal, wire }) => {
      const target = await (await wire()).store()
      const dryRun = options.dryRun === true
      const collected = await collect({
        store: target,
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

function collectedText({ kept, condemned, deleted, young, swept }: Collected, grace: number, dryRun: boolean): string {
  const lines: string[] = []
  if (deleted.objects > 0) lines.push(`deleted ${deleted.objects} objects, ${formatBytes(deleted.bytes)}`)
  if (swept > 0) lines.push(`removed ${swept} leftovers of interrupted writes`)
  if (condemned.objects > 0) {
    const what = `${condemned.objects} objects, ${formatBytes(condemned.bytes)}, that nothing reaches`
    lines.push(dryRun ? `would mark ${what}` : `marked ${what}; a prune in ${formatDuration(grace)} or later deletes them`)
  }
  if (lines.length === 0) lines.push('nothing to do')
  const waiting = young === 0 ? '' : `; ${young} are too young to judge`
  return [...lines, `${kept} objects are reached and stay${waiting}`].join('\n')
}
