import { Fault, forEachBounded, mapBounded } from '../../kit/index.ts'
import type { IndexContext } from '../context.ts'
import type { IndexBase } from '../publish/change.ts'
import { indexesOf, keyIn, provenanceEnd, metadataEnd } from '../publish/layout.ts'
import { assertNotEmptied } from '../publish/emptied.ts'
import { noDifference, type PlannedPrefix, type Published, type PublishedPrefix, type Refusal } from '../publish/published.ts'
import { allowing, besideOf, emptyScan, type Scan, scanPrefix } from '../publish/scan.ts'
import type { ProjectRecord, PublishedFile, SeenFile, WithdrawnFile } from '../records/project.ts'
import { findArchived, isArchive, keyOf } from './archives.ts'
import { createCarrier } from './carry.ts'
import { type Filled, type Filling, fillArchives, type OldFiles } from './fill-archives.ts'
import { type Move, makeMove } from './make-move.ts'
import { type ChangedProject, contentOf, planMove, readProjectOf, secondsOf } from './plan-move.ts'
import { oldVersions } from './retention.ts'

export interface ArchiveOptions {
  readonly prefixes: readonly string[]
  /** Versions of each project that stay, the newest by PEP 440; the environment's where it is left out. */
  readonly keep?: number | undefined
  readonly dryRun?: boolean | undefined
}

/** Projects, and files, that are looked at or copied at once. */
const width = 8

/**
 * Moves old versions out of prefixes, each into `archives/<prefix>/<month>`, an index of its own that stays installable: copied inside of the
 * place first, then one write takes them off here and lists them there. What was taken off at least `grace` ago, and stands in the archive, is deleted
 * here. Where nothing is old nothing is written. A name that has other bytes in the archive stays where it is, and is told as refused.
 */
export async function archive(context: IndexContext, options: ArchiveOptions): Promise<Published> {
  const { dryRun = false } = options
  const keep = options.keep ?? context.environment.keep
  if (keep === undefined || !Number.isInteger(keep) || keep < 1) {
    throw new Fault('invalid', 'how many versions are to stay is not said, or is no number from 1 on', {
      hint: 'set `keep` under [index], or say --keep 60',
    })
  }
  const inner = options.prefixes.find(isArchive)
  if (inner !== undefined) throw new Fault('invalid', `${inner} is an archive itself`)
  const outcomes: Published[] = []
  for (const prefix of new Set(options.prefixes)) outcomes.push(await archivePrefixOf(context, prefix, keep, dryRun))
  return {
    generation: outcomes.at(-1)?.generation,
    hasMoved: outcomes.some(({ hasMoved }) => hasMoved),
    prefixes: outcomes.flatMap(({ prefixes }) => prefixes),
  }
}

async function archivePrefixOf(context: IndexContext, prefix: string, keep: number, dryRun: boolean): Promise<Published> {
  const run: Run = { context, prefix, keep, dryRun, carrier: createCarrier(context, dryRun), now: context.clock.now() }
  const first = await moveOnce(run)
  if (first.leaving.length === 0) return first.published
  // The view is in line by now: no page names what is deleted.
  if (!dryRun) await forEachBounded(first.leaving, width, (file, signal) => deleteFile(run, file, signal), context.signal)
  const last = dryRun ? first.published : (await moveOnce(run)).published
  const removed = first.leaving.map(({ name }) => keyIn(prefix, name))
  return joined(first.published, last, prefix, removed)
}

interface Run extends Filling {
  readonly keep: number
  readonly dryRun: boolean
  readonly now: number
}

interface Once {
  readonly published: Published
  /** Files that nothing takes back any more and that lie here still. */
  readonly leaving: readonly SeenFile[]
}

async function moveOnce(run: Run): Promise<Once> {
  const { context, prefix, dryRun } = run
  let leaving: readonly SeenFile[] = []
  const plan = async (base: IndexBase): Promise<Move> => {
    leaving = []
    const prefixes = Object.keys(base.ref?.state.prefixes ?? {})
    if (!prefixes.includes(prefix)) return { prefixes: new Map([[prefix, { plan: nothing(prefix) }]]) }
    const projects = await base.projects(prefix)
    const scan = await scanPrefix(context, prefix, indexesOf(context, prefixes))
    assertNotEmptied(context, base.ref?.state.prefixes[prefix]?.files ?? 0, scan)
    const names = Object.keys(projects).filter(allowing(context))
    const records = await mapBounded(names, width, (name) => readProjectOf(base.outbox, projects, name), context.signal)
    const aged = await mapBounded(
      records.filter((record) => record !== undefined),
      width,
      (record) => age(run, base, scan, record),
      context.signal,
    )
    leaving = aged.flatMap((one) => one.leaving)
    const { archives, stays } = await fillArchives(run, base, aged)
    const changed = aged.flatMap((one) => takeOff(run, one, stays))
    const { change, plan: planned } = await planMove(base.outbox, prefix, projects, changed, { scan })
    const refused = [...stays].map(([name, reason]): Refusal => ({ name, reason }))
    const mine = { change, plan: { ...planned, difference: { ...planned.difference, refused } } }
    // The archive's view first: what leaves a page is on another one by then.
    return { prefixes: new Map([...archives, [prefix, mine]]) }
  }
  return { published: await makeMove(context, 'archive', undefined, plan, { dryRun }), leaving }
}

function nothing(prefix: string): PlannedPrefix {
  return { difference: noDifference, beside: besideOf(emptyScan(prefix)), written: [], purge: [], isEmpty: true }
}

/** What time does to a project. */
interface Aged extends OldFiles {
  readonly withdrawn: readonly WithdrawnFile[]
  readonly leaving: readonly SeenFile[]
}

async function age({ keep, now, context, prefix }: Run, base: IndexBase, scan: Scan, record: ProjectRecord): Promise<Aged> {
  const rows = new Map(scan.groups.get(record.name)?.files.map((row) => [row.name, row]))
  const old = oldVersions(record.files, keep).flatMap(({ month, files }) => files.map((file) => ({ month, file })))
  const withdrawn: WithdrawnFile[] = []
  for (const file of record.withdrawn) {
    const row = rows.get(file.name)
    const isSame = row?.etag === file.etag && row.size === file.size
    // What is deleted is forgotten; and where something else lies under its name, that is for a publication to look at.
    if (file.why === 'deleting') {
      if (isSame) withdrawn.push(file)
    } else if (file.why === 'archived' && row === undefined) continue
    else {
      const isDue = file.why === 'archived' && isSame && Date.parse(file.since) + context.environment.grace <= now
      withdrawn.push(isDue && (await isSafe(context, base, prefix, record.name, file)) ? { ...file, why: 'deleting' } : file)
    }
  }
  return { record, old, withdrawn, leaving: withdrawn.filter(({ why }) => why === 'deleting') }
}

/** Whether the archive has it: the record says so, and the bucket too. */
async function isSafe(context: IndexContext, base: IndexBase, prefix: string, project: string, file: PublishedFile): Promise<boolean> {
  const archived = await findArchived(base, prefix, project, file)
  if (archived === undefined) return false
  const info = await context.bucket.head(keyOf(archived), { signal: context.signal })
  return info?.etag === archived.file.etag && info.size === archived.file.size
}

function takeOff({ now }: Run, { record, old, withdrawn }: Aged, stays: Filled['stays']): ChangedProject[] {
  const gone = new Set(old.map(({ file }) => file.name).filter((name) => !stays.has(name)))
  const taken = record.files.filter(({ name }) => gone.has(name))
  const isSame =
    taken.length === 0 && withdrawn.length === record.withdrawn.length && withdrawn.every((file) => record.withdrawn.includes(file))
  if (isSame) return []
  const off = taken.map((file): WithdrawnFile => ({ ...file, why: 'archived', since: secondsOf(now) }))
  const files = record.files.filter(({ name }) => !gone.has(name))
  return [{ before: record, after: { ...contentOf(record.name, record), files, withdrawn: [...withdrawn, ...off] } }]
}

/** What stands beside it first, so that nothing of it is left that nobody knows. Another file that was put under its name stays. */
async function deleteFile({ context, prefix }: Run, { name, etag }: SeenFile, signal: AbortSignal): Promise<void> {
  const info = await context.bucket.head(keyIn(prefix, name), { signal })
  if (info !== undefined && info.etag !== etag) return
  for (const end of [provenanceEnd, metadataEnd, '']) await context.bucket.delete(keyIn(prefix, `${name}${end}`), { signal })
}

function joined(first: Published, last: Published, prefix: string, removed: readonly string[]): Published {
  const after = new Map(last.prefixes.map((each) => [each.prefix, each]))
  const prefixes = first.prefixes.map((each): PublishedPrefix => {
    const now = after.get(each.prefix) ?? each
    const isMine = each.prefix === prefix
    return {
      ...each,
      generation: now.generation,
      hasChanged: each.hasChanged || now.hasChanged,
      written: [...new Set([...each.written, ...now.written])].sort(),
      removed: [...new Set([...each.removed, ...now.removed, ...(isMine ? removed : [])])].sort(),
    }
  })
  return { generation: last.generation, hasMoved: first.hasMoved || last.hasMoved, prefixes }
}
