import { type Command, Option } from 'commander'
import {
  type Part,
  type ReadData,
  type Repaired,
  type RepairedObjects,
  repairObjects,
  repairPacks,
  type VerifiedObjects,
  type VerifiedPacks,
  verifyObjects,
  verifyPacks,
} from '../../chunks/index.ts'
import { Fault, formatBytes } from '../../kit/index.ts'
import { type Call, type Cli, parsedOption } from '../command.ts'
import type { Outcome } from '../output.ts'
import { printable } from '../width.ts'
import { countText } from '../words.ts'

interface VerifyFlags {
  /** A share, 0 to 1, or a part; true for all of it. */
  readonly readData?: ReadData | true
  readonly repair?: boolean
  /** A URL. */
  readonly repairFrom?: string
}

export function addVerifyCommand(store: Command, cli: Cli): void {
  cli.add<VerifyFlags>(store, {
    name: 'verify',
    summary: 'Check packs, indexes, artifacts and records against their names, and that what names lead to is there',
    more: 'It exits with 1 where damage is left. What needs a damaged thing is told by release verify and snapshot verify.',
    options: [
      readDataOption('of all packs and artifacts'),
      new Option('--repair', 'index packs anew, save what is whole in damaged ones, and put these aside'),
      new Option('--repair-from <url>', 'the same, reading everything, with what this other store has of what is damaged or missing'),
    ],
    writes: true,
    examples: [
      ['holdfast store verify', 'names and sizes of packs, indexes, records'],
      ['holdfast store verify --read-data', 'every byte'],
      ['holdfast store verify --read-data=3/16', 'the third of sixteen parts, which together are everything'],
      ['holdfast store verify --repair-from s3://backup/holdfast', 'where damage was found, with a copy of the store'],
    ],
    run: verify,
  })
}

export function readDataOption(what: string): Option {
  return parsedOption(
    '--read-data [share]',
    `read and hash the content too, ${what}, of a share of them (10%), or of a part (3/16)`,
    parseShare,
  )
}

async function verify(call: Call<VerifyFlags>): Promise<Outcome> {
  const { options, report, signal } = call
  const { store, random, cacheDir } = await call.snapshots()
  const wantsRepair = options.repair === true || options.repairFrom !== undefined
  if (wantsRepair && typeof options.readData === 'object') {
    throw new Fault('invalid', 'a part is not repaired by itself: what is whole elsewhere has to be known', {
      hint: 'holdfast store verify --read-data --repair',
    })
  }
  const readData = options.readData === true || options.repairFrom !== undefined ? 1 : (options.readData ?? 0)
  const looking = { readData, random, report, signal, cache: await cacheDir() }
  const look = async () => ({ objects: await verifyObjects(store, looking), packs: await verifyPacks(store, looking) })
  const found = await look()
  if (options.dryRun === true) return outcomeOf(call, found, { lines: ['', 'dry run: nothing was repaired'], result: { dryRun: true } })
  if (!wantsRepair || !isRepairable(found, options)) return outcomeOf(call, found, { lines: [], result: {} })
  const repaired = await repair(call, found, looking)
  const { objects, ...packs } = repaired
  const lines = ['', ...repairedLines(packs), ...(objects === undefined ? [] : repairedObjectLines(objects))]
  return outcomeOf(call, await look(), { lines, result: { repaired } })
}

interface Found {
  readonly objects: VerifiedObjects
  readonly packs: VerifiedPacks
}

function isRepairable({ objects, packs }: Found, { repairFrom }: VerifyFlags): boolean {
  const inPacks = packs.damage.some(({ kind }) => kind !== 'alien')
  return inPacks || (repairFrom !== undefined && objects.damaged.length + objects.missing.length > 0)
}

/** Packs first: names that come back lead to what is in them. */
async function repair(
  call: Call<VerifyFlags>,
  { objects }: Found,
  looking: Parameters<typeof verifyPacks>[1],
): Promise<Repaired & { readonly objects?: RepairedObjects }> {
  const { store, clock, random, by } = await call.snapshots()
  const { repairFrom } = call.options
  if (repairFrom === undefined) return await repairPacks(store, { ...looking, clock, by })
  const other = await call.snapshots(repairFrom)
  const packs = await repairPacks(store, { ...looking, clock, by, from: await other.chunks() })
  return { ...packs, objects: await repairObjects(store, objects, { clock, random, from: other.store, signal: call.signal }) }
}

function repairedObjectLines({ restored, lost, quarantined }: RepairedObjects): string[] {
  return [
    ...restored.map((key) => printable(`  brought back: ${key}`)),
    ...lost.map((key) => printable(`  lost: ${key}: the other store has it not, or not whole`)),
    ...quarantined.map((key) => printable(`  put aside: ${key}`)),
  ]
}

function outcomeOf(call: Call<object>, { objects, packs }: Found, more: { lines: string[]; result: object }): Outcome {
  const { paint } = call
  const harmful = packs.damage.filter(({ kind }) => kind !== 'stray' && kind !== 'alien')
  const lines = [
    ...objects.damaged.map((key) => `${paint.red('damaged:')} ${printable(`${key}: ${whatIsWrong(key)}`)}`),
    ...objects.missing.map((key) => `${paint.red('missing:')} ${printable(`${key}: names lead to it, and it is not there`)}`),
    ...harmful.map(
      ({ key, what, lost }) =>
        `${paint.red('damaged:')} ${printable(`${key}: ${what}${lost.length === 0 ? '' : `; ${lost.length} pieces are lost`}`)}`,
    ),
    ...packs.damage
      .filter((each) => !harmful.includes(each))
      .map(({ key, what }) => `${paint.yellow('strange:')} ${printable(`${key}: ${what}`)}`),
  ]
  const damaged = harmful.length + objects.damaged.length + objects.missing.length
  const looked = `${countText(packs.packs, 'pack')} (${packs.read} read) with ${countText(packs.chunks, 'piece')}, ${countText(objects.blobs, 'artifact')}, ${countText(objects.records, 'record')}; ${formatBytes(objects.readBytes)} of artifacts and records read`
  return {
    result: { ...more.result, objects, packs },
    text: [...lines, looked, damaged === 0 ? 'all is whole' : `${damaged} damaged or missing`, ...more.lines].join('\n'),
    differs: damaged > 0,
  }
}

function whatIsWrong(key: string): string {
  return /^(?:refs|pins)\//.test(key) ? 'it cannot be understood' : 'its bytes do not match its digest'
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

function parseShare(text: string): ReadData {
  const percent = /^(\d{1,3}(?:\.\d+)?)%$/.exec(text)?.[1]
  if (percent !== undefined && Number(percent) > 0 && Number(percent) <= 100) return Number(percent) / 100
  const part = partOf(text)
  if (part !== undefined) return part
  throw new Fault('invalid', `not a share: ${JSON.stringify(text)}`, { hint: 'write one like 10%, or a part like 3/16' })
}

function partOf(text: string): Part | undefined {
  const [, number, of] = /^(\d{1,4})\/(\d{1,4})$/.exec(text) ?? []
  return Number(number) >= 1 && Number(number) <= Number(of) ? { number: Number(number), of: Number(of) } : undefined
}
