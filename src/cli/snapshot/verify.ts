import { type Command } from 'commander'
import { Fault, formatBytes } from '../../kit/index.ts'
import { type Damage, shortId, type Verified, verifySnapshots } from '../../snapshots/index.ts'
import { type Call, type Cli, parsedOption } from '../command.ts'
import type { Outcome } from '../output.ts'
import { printable } from '../width.ts'
import { chooseMany, type FilterOptions, filterOptions } from './choose.ts'
import { countText, numberText } from './text.ts'

interface VerifyFlags extends FilterOptions {
  /** A share, 0 to 1; true for all of it. */
  readonly readData?: number | true
}

export function addVerifyCommand(snapshot: Command, cli: Cli): void {
  cli.add<VerifyFlags>(snapshot, {
    name: 'verify',
    summary: 'Check that snapshots are whole; damage is named with the snapshots and paths that it touches',
    more: 'It exits with 1 where it found damage.',
    args: [['[snapshot...]', 'these; without any, all']],
    options: [
      parsedOption('--read-data [share]', 'read and hash the content too, of all packs or of a share of them: 10%', parseShare),
      ...filterOptions(),
    ],
    examples: [
      ['holdfast snapshot verify', 'records and trees, and that all content is there'],
      ['holdfast snapshot verify --read-data=10%', 'from cron: after ten runs most of it was read'],
    ],
    run: verify,
  })
}

async function verify(call: Call<VerifyFlags>): Promise<Outcome> {
  const context = await call.snapshots()
  const snapshots = await chooseMany(call, context)
  const { readData = 0 } = call.options
  const { report, signal, random } = { ...context, signal: call.signal }
  const verified = await verifySnapshots(context.store, await context.chunks(), snapshots, {
    readData: readData === true ? 1 : readData,
    random,
    report,
    signal,
  })
  return { result: verified, text: verifiedText(call, verified), differs: verified.damage.length > 0 }
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

function parseShare(text: string): number {
  const percent = /^(\d{1,3}(?:\.\d+)?)%$/.exec(text)?.[1]
  if (percent !== undefined && Number(percent) > 0 && Number(percent) <= 100) return Number(percent) / 100
  throw new Fault('invalid', `not a share: ${JSON.stringify(text)}`, { hint: 'write one like 10%' })
}
