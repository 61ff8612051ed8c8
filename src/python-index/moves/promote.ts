import { Fault, forEachBounded, mapBounded } from '../../kit/index.ts'
import type { IndexContext } from '../context.ts'
import { normaliseName } from '../names/project-name.ts'
import type { ChangeOptions, IndexBase } from '../publish/change.ts'
import { indexesOf, keyIn, placeOf } from '../publish/layout.ts'
import { generationOf, type Published } from '../publish/published.ts'
import { allowing, type ListedFile, type Scan, scanPrefix } from '../publish/scan.ts'
import type { ProjectRecord, PublishedFile } from '../records/project.ts'
import { type Carrier, createCarrier } from './carry.ts'
import { type Move, makeMove } from './make-move.ts'
import { checkTarget, publishedPrefix, some, versionOf, withVersion } from './named.ts'
import { type ChangedProject, planMove, readProjectOf, withFiles } from './plan-move.ts'
import { withdrawStrays } from './strays.ts'

export interface PromoteOptions {
  readonly from: string
  readonly to: string
  /** Only this project. */
  readonly project?: string | undefined
  /** Only files of this version. */
  readonly version?: string | undefined
  /** Only if this generation was the last one that changed `from`. */
  readonly expect?: number | undefined
  /** Why; kept in the history. */
  readonly message?: string | undefined
  readonly dryRun?: boolean | undefined
  readonly gate?: ChangeOptions['gate']
}

/** Files that are looked at, or copied, at once. */
const width = 8

/**
 * Publishes in one prefix what another one publishes: the very bytes, copied inside of the place, with upload times and yanks; and nothing
 * that lies there unlisted. All names are compared before anything is copied. Throws `nothing-to-do` where all of it is published there,
 * `already-exists` where a name has other bytes there, `precondition` where `from` is at another generation than expected or its files
 * are not those that it publishes.
 */
export async function promote(context: IndexContext, options: PromoteOptions): Promise<Published> {
  const { from, to, dryRun = false } = options
  if (from === to)
    throw new Fault('invalid', `${from} cannot be promoted to itself`, {
      hint: 'name two indexes: the one that was tested, and the one that gets it',
    })
  // Nothing is copied that the gate would not let through: the next publication would list it.
  if (options.gate !== undefined && !dryRun) await promote(context, { ...options, dryRun: true })
  const carrier = createCarrier(context, dryRun)
  return await makeMove(context, 'promote', options.message, (base) => planPromotion(context, options, base, carrier), {
    dryRun,
    gate: options.gate,
  })
}

async function planPromotion(context: IndexContext, options: PromoteOptions, base: IndexBase, carrier: Carrier): Promise<Move> {
  const { from, to } = options
  checkSource(base, options)
  checkTarget(context, base, to)
  const [source, target] = [await base.projects(from), await base.projects(to)]
  const isIndex = indexesOf(context, [from, to, ...Object.keys(base.ref?.state.prefixes ?? {})])
  const names = namesOf(options, Object.keys(source))
  const scan = await scanPrefix(context, to, isIndex)
  const read = async (name: string): Promise<Promotion> => {
    const record = (await readProjectOf(base.outbox, source, name))!
    const files = options.version === undefined ? record.files : withVersion(record.files, versionOf(options.version))
    return { name, record, files, known: await readProjectOf(base.outbox, target, name) }
  }
  const promotions = (await mapBounded(names, width, read, context.signal)).filter(({ files }) => files.length > 0)
  if (promotions.length === 0)
    throw nothingMatches(options, names.length === 1 ? await readProjectOf(base.outbox, source, names[0]!) : undefined)
  const isAllowed = allowing(context)
  for (const promotion of promotions) {
    if (!isAllowed(promotion.name)) throw new Fault('invalid', `${promotion.name} is not in the allow-list; nothing was promoted`)
    checkPromotion(promotion, options, isIndex)
  }
  const work = await compare(promotions, scan, carrier, context.signal)
  const contents = await carryOut(context, options, scan, carrier, work)
  const strays = await withdrawStrays(context, base, contents, carrier, scan)
  const move = await planMove(base.outbox, to, target, [...contents.values(), ...strays], {
    scan,
    written: carrier.written,
    replaced: carrier.replaced,
  })
  const idle = new Fault('nothing-to-do', `${to} publishes all of it already`, { hint: `see: holdfast index diff ${to} ${from}` })
  // A publication may have been first to list what was copied here.
  return { prefixes: new Map([[to, move]]), idle: carrier.copiedTo(to).length === 0 ? idle : undefined }
}

/** What of one project is wanted, and what the target has of it. */
interface Promotion {
  readonly name: string
  readonly record: ProjectRecord
  readonly files: readonly PublishedFile[]
  readonly known: ProjectRecord | undefined
}

interface Work {
  readonly promotion: Promotion
  readonly file: PublishedFile
  /** The very bytes in the target. */
  readonly row?: ListedFile | undefined
  /** Where it is published there already, in this very version. */
  readonly settled?: PublishedFile | undefined
}

function checkSource({ ref }: IndexBase, { from, expect }: PromoteOptions): void {
  publishedPrefix(ref, from)
  const generation = generationOf(ref, from)
  if (expect !== undefined && generation !== expect) {
    throw new Fault('precondition', `${from} was changed last by generation ${generation}, not by ${expect}; nothing was promoted`, {
      hint:
        generation !== undefined && expect < generation
          ? `look at what came since: holdfast index diff ${from}@${expect} ${from}`
          : `see: holdfast index generations ${from}`,
    })
  }
}

function namesOf({ project, from }: PromoteOptions, names: readonly string[]): string[] {
  if (project === undefined) return names.toSorted()
  const name = normaliseName(project)
  if (!names.includes(name))
    throw new Fault('nothing-to-do', `${from} has no project ${name}`, { hint: `it has: ${some(names.toSorted())}` })
  return [name]
}

function nothingMatches({ from, project, version }: PromoteOptions, record: ProjectRecord | undefined): Fault {
  const what = [project ?? 'files', ...(version === undefined ? [] : [version])].join(' ')
  const versions = [...new Set(record?.files.map((file) => file.version))].toReversed()
  const hint = versions.length === 0 ? 'check --package and --version' : `its versions are ${some(versions)}`
  return new Fault('nothing-to-do', `${from} publishes no ${what}`, { hint })
}

function checkPromotion(
  { name, record, files, known }: Promotion,
  { from, to }: PromoteOptions,
  isIndex: (prefix: string) => boolean,
): void {
  if (record.status.status === 'quarantined') {
    throw new Fault('precondition', `${name} is quarantined in ${from}; nothing was promoted`, {
      hint: `leave it out with --package, or run: holdfast index mark ${from} ${name} active`,
    })
  }
  for (const file of files) {
    if (file.digest === undefined) {
      throw new Fault('precondition', `the digest of ${keyIn(from, file.name)} is not known; nothing was promoted`, {
        hint: `run without --no-read: holdfast index publish ${from}`,
      })
    }
    if (placeOf(to, file.name, isIndex).kind !== 'file')
      throw new Fault('invalid', `${file.name} cannot be published in ${to}: the index ${to}/${name} lies where its pages would`)
    if (known?.withdrawn.some((gone) => gone.name === file.name && gone.why === 'deleting')) {
      throw new Fault('busy', `${keyIn(to, file.name)} is in the archive, and being deleted here`, {
        hint: `finish that first: holdfast index archive ${to}`,
      })
    }
  }
}

/** Compares names with what lies in the target, listed or not, before anything is copied. */
async function compare(
  promotions: readonly Promotion[],
  scan: Scan,
  carrier: Carrier,
  signal: AbortSignal | undefined,
): Promise<readonly Work[]> {
  const others: string[] = []
  const all = promotions.flatMap((promotion) => promotion.files.map((file) => ({ promotion, file })))
  const work = await mapBounded(
    all,
    width,
    async ({ promotion, file }, inner): Promise<Work> => {
      const standing = await carrier.look(scan, promotion.known, promotion.name, file, inner)
      if (standing.kind === 'other') others.push(`${file.name}: there it is ${standing.digest}, here ${file.digest}`)
      if (standing.kind !== 'there') return { promotion, file }
      const { row } = standing
      const listed = promotion.known?.files.find(({ name, digest }) => name === file.name && digest === file.digest)
      const isSettled = listed?.etag === row.etag && listed.size === row.size && !carrier.hasCopied(scan.prefix, file.name)
      return { promotion, file, row, settled: isSettled ? listed : undefined }
    },
    signal,
  )
  if (others.length > 0) {
    const more = others.length > 5 ? `\n… and ${others.length - 5} others` : ''
    throw new Fault(
      'already-exists',
      `${scan.prefix} has other bytes under these names; nothing was promoted\n${others.toSorted().slice(0, 5).join('\n')}${more}`,
      {
        hint: 'a name that was published keeps its bytes: build them under another version or build tag',
      },
    )
  }
  return work
}

async function carryOut(
  context: IndexContext,
  { from }: PromoteOptions,
  scan: Scan,
  carrier: Carrier,
  work: readonly Work[],
): Promise<Map<string, ChangedProject>> {
  const placed = new Map<Work, PublishedFile>()
  const missing = work.filter(({ row }) => row === undefined)
  const bytes = missing.reduce((sum, { file }) => sum + file.size, 0)
  context.report({ kind: 'begin', task: 'copy', items: missing.length, bytes })
  await forEachBounded(
    missing,
    width,
    async (one, signal) => void placed.set(one, await carrier.copy(from, scan, one.promotion.name, one.file, signal)),
    context.signal,
  )
  context.report({ kind: 'end', task: 'copy' })
  const contents = new Map<string, ChangedProject>()
  for (const promotion of new Set(work.map((one) => one.promotion))) {
    const files = work
      .filter((one) => one.promotion === promotion)
      .map((one) => placed.get(one) ?? one.settled ?? { ...one.file, size: one.row!.size, etag: one.row!.etag })
    contents.set(promotion.name, { before: promotion.known, after: withFiles(promotion.record, promotion.known, files) })
  }
  return contents
}
