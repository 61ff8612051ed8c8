import type { Command } from 'commander'
import { collect, type Collected } from '../../chunks/index.ts'
import { Fault, formatBytes, formatDuration, parseDuration } from '../../kit/index.ts'
import { traceNode } from '../../snapshots/index.ts'
import type { ObjectStore } from '../../store/index.ts'
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
      if (await hasLostItsNames(context.store, signal)) throw lostNames(context.store)
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

/** Records, and not one ref: to a prune all of it would be garbage, and whoever lost the refs would lose the rest. */
async function hasLostItsNames(store: ObjectStore, signal: AbortSignal): Promise<boolean> {
  const isThere = async (prefix: string) => {
    for await (const { key } of store.list(prefix, { signal })) if (key.endsWith('.json')) return true
    return false
  }
  return !(await isThere('refs/')) && (await isThere('snapshots/'))
}

function lostNames({ name }: ObjectStore): Fault {
  return new Fault('precondition', 'the store has records of snapshots or releases, and not one ref; nothing was deleted', {
    at: `${name}/refs/`,
    hint: 'bring the refs back from a copy: holdfast --store <copy> store copy --to <this store>; a store that nobody needs can be deleted as a whole',
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
