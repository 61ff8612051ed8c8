import { type Command, Option } from 'commander'
import type { ReadData } from '../../chunks/index.ts'
import { formatBytes } from '../../kit/index.ts'
import {
  type Damage,
  type Listed,
  type RepairedSnapshots,
  repairSnapshots,
  shortId,
  type SnapshotContext,
  type Verified,
  verifySnapshots,
} from '../../snapshots/index.ts'
import type { Call, Cli } from '../command.ts'
import type { Outcome } from '../output.ts'
import { readDataOption, repairedLines } from '../store/verify.ts'
import { printable } from '../width.ts'
import { chooseMany, type FilterOptions, filterOptions } from './choose.ts'
import { countText, numberText } from '../words.ts'

interface VerifyFlags extends FilterOptions {
  /** A share, 0 to 1, or a part; true for all of it. */
  readonly readData?: ReadData | true
  /** A URL. */
  readonly repairFrom?: string
}

export function addVerifyCommand(snapshot: Command, cli: Cli): void {
  cli.add<VerifyFlags>(snapshot, {
    name: 'verify',
    summary: 'Check that snapshots are whole; damage is named with the snapshots and paths that it touches',
    more: 'It exits with 1 where damage is left.',
    args: [['[snapshot...]', 'these; without any, all']],
    options: [
      readDataOption('of all packs'),
      new Option('--repair-from <url>', 'reads all content, and puts right what is damaged with what this store has'),
      ...filterOptions(),
    ],
    writes: true,
    examples: [
      ['holdfast snapshot verify', 'records and trees, and that all content is there'],
      ['holdfast snapshot verify --read-data=10%', 'from cron: after ten runs most of it was read'],
      ['holdfast snapshot verify --repair-from s3://backup/holdfast', 'where damage was found'],
    ],
    run: verify,
  })
}

async function verify(call: Call<VerifyFlags>): Promise<Outcome> {
  const context = await call.snapshots()
  const snapshots = await chooseMany(call, context)
  const { repairFrom, dryRun } = call.options
  const verified = await check(call, context, snapshots)
  if (repairFrom === undefined || verified.damage.length === 0)
    return { result: verified, text: verifiedText(call, verified), differs: verified.damage.length > 0 }
  if (dryRun === true)
    return { result: { dryRun, ...verified }, text: `${verifiedText(call, verified)}\n\ndry run: nothing was repaired`, differs: true }
  const repaired = await repairSnapshots(context, await call.snapshots(repairFrom), snapshots)
  await (await context.chunks()).refresh(call)
  const after = await check(call, context, snapshots)
  return {
    result: { ...after, repaired },
    text: [repairedText(verified, repaired), verifiedText(call, after)].join('\n'),
    differs: after.damage.length > 0,
  }
}

async function check(call: Call<VerifyFlags>, context: SnapshotContext, snapshots: readonly Listed[]): Promise<Verified> {
  const { readData = 0, repairFrom } = call.options
  const share = readData === true || repairFrom !== undefined ? 1 : readData
  const { store, random, report } = context
  return await verifySnapshots(store, await context.chunks(), snapshots, { readData: share, random, report, signal: call.signal })
}

function repairedText({ damage }: Verified, repaired: RepairedSnapshots): string {
  const records = repaired.records.length === 0 ? [] : [`  and ${countText(repaired.records.length, 'record')}`]
  return [`${countText(damage.length, 'thing')} damaged`, ...repairedLines(repaired), ...records].join('\n')
}

function verifiedText(call: Call<object>, { snapshots, nodes, chunks, read, damage }: Verified): string {
  const looked = `${countText(snapshots, 'snapshot')}: ${countText(nodes, 'node')} read, ${countText(chunks, 'chunk')} looked for`
  const lines = damage.flatMap((each) => damageLines(call, each))
  const end = damage.length === 0 ? 'all is whole' : `${countText(damage.length, 'thing')} damaged`
  return [...lines, `${looked}, ${formatBytes(read)} of content read; ${end}`].join('\n')
}

function damageLines({ paint }: Call<object>, { kind, id, message, touches }: Damage): string[] {
  const places = touches.paths.map(({ snapshot, path }) => `  needed by: ${shortId(snapshot)}:${path || '.'}`)
  const more = touches.more === 0 ? [] : [`  and by ${numberText(touches.more)} more`]
  const needed = touches.paths.length > 0 ? [...places, ...more] : [`  needed by: ${touches.snapshots.map(shortId).join(', ')}`]
  return [`${paint.red('damaged:')} ${printable(`${kind} ${id}: ${message}`)}`, ...needed.map(printable)]
}
