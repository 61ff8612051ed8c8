import { type Command, Option } from 'commander'
import { repairPacks, type Repaired, type VerifiedObjects, type VerifiedPacks, verifyObjects, verifyPacks } from '../../chunks/index.ts'
import { Fault, formatBytes } from '../../kit/index.ts'
import { type Call, type Cli, parsedOption } from '../command.ts'
import type { Outcome } from '../output.ts'
import { printable } from '../width.ts'

interface VerifyFlags {
  /** A share, 0 to 1; true for all of it. */
  readonly readData?: number | true
  readonly repair?: boolean
}

export function addVerifyCommand(store: Command, cli: Cli): void {
  cli.add<VerifyFlags>(store, {
    name: 'verify',
    summary: 'Check packs, indexes, artifacts and records against their names',
    more: 'It exits with 1 where damage is left. What needs a damaged thing is told by release verify and snapshot verify.',
    options: [
      readDataOption('of all packs and artifacts'),
      new Option('--repair', 'index packs anew, save what is whole in damaged ones, and put these aside'),
    ],
    writes: true,
    examples: [
      ['holdfast store verify', 'names and sizes of packs, indexes, records'],
      ['holdfast store verify --read-data', 'every byte'],
    ],
    run: verify,
  })
}

export function readDataOption(what: string): Option {
  return parsedOption('--read-data [share]', `read and hash the content too, ${what} or of a share of them: 10%`, parseShare)
}

async function verify(call: Call<VerifyFlags>): Promise<Outcome> {
  const { options, report, signal } = call
  const { store, random, clock, by, cacheDir } = await call.snapshots()
  const readData = options.readData === true ? 1 : (options.readData ?? 0)
  const looking = { readData, random, report, signal, cache: await cacheDir() }
  const objects = await verifyObjects(store, looking)
  const packs = await verifyPacks(store, looking)
  const mayRepair = options.repair === true && options.dryRun !== true && packs.damage.some(({ kind }) => kind !== 'alien')
  if (!mayRepair) {
    const dry =
      options.dryRun === true ? { lines: ['', 'dry run: nothing was repaired'], result: { dryRun: true } } : { lines: [], result: {} }
    return outcomeOf(call, objects, packs, dry)
  }
  const repaired = await repairPacks(store, { ...looking, clock, by })
  const after = await verifyPacks(store, looking)
  return outcomeOf(call, objects, after, { lines: ['', ...repairedLines(repaired)], result: { repaired } })
}

function outcomeOf(call: Call<object>, objects: VerifiedObjects, packs: VerifiedPacks, more: { lines: string[]; result: object }): Outcome {
  const { paint } = call
  const harmful = packs.damage.filter(({ kind }) => kind !== 'stray' && kind !== 'alien')
  const lines = [
    ...objects.damaged.map((key) => `${paint.red('damaged:')} ${printable(`${key}: its bytes do not match its digest`)}`),
    ...harmful.map(
      ({ key, what, lost }) =>
        `${paint.red('damaged:')} ${printable(`${key}: ${what}${lost.length === 0 ? '' : `; ${lost.length} pieces are lost`}`)}`,
    ),
    ...packs.damage
      .filter((each) => !harmful.includes(each))
      .map(({ key, what }) => `${paint.yellow('strange:')} ${printable(`${key}: ${what}`)}`),
  ]
  const damaged = harmful.length + objects.damaged.length
  const looked = `${packs.packs} packs (${packs.read} read) with ${packs.chunks} pieces, ${objects.blobs} artifacts, ${objects.records} records; ${formatBytes(objects.readBytes)} of artifacts and records read`
  return {
    result: { ...more.result, objects, packs },
    text: [...lines, looked, damaged === 0 ? 'all is whole' : `${damaged} damaged`, ...more.lines].join('\n'),
    differs: damaged > 0,
  }
}

export function repairedLines({ indexed, saved, fetched, lost, quarantined }: Repaired): string[] {
  const done = [
    ...(saved === 0 ? [] : [`${saved} pieces that were still whole`]),
    ...(fetched === 0 ? [] : [`${fetched} pieces from the other store`]),
    ...(indexed === 0 ? [] : [`${indexed} packs indexed anew`]),
  ]
  return [
    `repaired: ${done.join(', ') || 'nothing'}`,
    ...(lost.length === 0 ? [] : [`  lost: ${lost.length} pieces; a new snapshot of the same files brings them back`]),
    ...quarantined.map((key) => printable(`  put aside: ${key}`)),
  ]
}

function parseShare(text: string): number {
  const percent = /^(\d{1,3}(?:\.\d+)?)%$/.exec(text)?.[1]
  if (percent !== undefined && Number(percent) > 0 && Number(percent) <= 100) return Number(percent) / 100
  throw new Fault('invalid', `not a share: ${JSON.stringify(text)}`, { hint: 'write one like 10%' })
}
