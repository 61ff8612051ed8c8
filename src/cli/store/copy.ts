import { type Command, Option } from 'commander'
import { type CopiedNames, type CopiedStore, copyStore, planStoreCopy } from '../../chunks/index.ts'
import { formatBytes } from '../../kit/index.ts'
import { traceNode } from '../../snapshots/index.ts'
import type { Call, Cli } from '../command.ts'
import type { Outcome } from '../output.ts'
import { printable } from '../width.ts'

interface CopyFlags {
  readonly to: string
}

export function addCopyCommand(store: Command, cli: Cli): void {
  cli.add<CopyFlags>(store, {
    name: 'copy',
    summary: 'Copy all that refs and pins reach into another store: only what it lacks',
    more: 'Everything is checked on the way. A ref follows where the other store has it in an earlier state; where it has something else it stays, is named, and the exit status is 1.',
    options: [new Option('--to <url>', 'the other store; made where there is none').makeOptionMandatory()],
    writes: true,
    examples: [
      ['holdfast store copy --to s3://backup/holdfast', 'from cron: a second store that follows the first'],
      ['holdfast store copy --to file:///mnt/disk/store --dry-run', 'which refs would be made or brought forward there'],
    ],
    run: copy,
  })
}

async function copy(call: Call<CopyFlags>): Promise<Outcome> {
  const [from, to] = [await call.snapshots(), await call.snapshots(call.options.to)]
  const { report, signal } = call
  const fromCache = await from.cacheDir()
  if (call.options.dryRun === true) {
    const plan = await planStoreCopy({ from: from.store, to: to.store, signal })
    return outcomeOf(plan, { dryRun: true }, ['dry run: nothing was copied'], 'would be')
  }
  await to.prepareStore()
  const copied = await copyStore({
    from: from.store,
    to: to.store,
    clock: from.clock,
    random: from.random,
    by: from.by,
    trace: traceNode,
    caches: { from: fromCache, to: await to.cacheDir() },
    report,
    signal,
  })
  return outcomeOf(copied, { content: copied.content, chunks: copied.chunks }, contentLines(copied), 'was')
}

function outcomeOf({ created, advanced, same, different }: CopiedNames, more: object, lines: readonly string[], done: string): Outcome {
  const nothing = created.length + advanced.length + different.length === 0 ? ['nothing to do: all of it is there already'] : []
  return {
    result: { ...more, created, advanced, same, different },
    text: [
      ...created.map((key) => printable(`${key} ${done} made`)),
      ...advanced.map((key) => printable(`${key} ${done} brought forward`)),
      ...different.map((key) => printable(`${key} is different there, and stays so`)),
      ...nothing,
      ...lines,
    ].join('\n'),
    differs: different.length > 0,
  }
}

function contentLines({ content, chunks }: CopiedStore): string[] {
  if (content === undefined || chunks === undefined) return []
  const { blobs, knownBlobs, records } = content
  return [
    `copied ${blobs.objects} artifacts, ${formatBytes(blobs.bytes)} (${knownBlobs} were there); ${records} records; ` +
      `${chunks.chunks.added} pieces of trees, ${formatBytes(chunks.added)}, stored in ${formatBytes(chunks.stored)}`,
  ]
}
