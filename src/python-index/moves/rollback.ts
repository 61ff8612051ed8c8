import { Fault, mapBounded } from '../../kit/index.ts'
import { type CatalogueDifference, compareCatalogues } from '../compare.ts'
import type { IndexContext } from '../context.ts'
import { catalogueAt, type Once } from '../history.ts'
import type { ChangeOptions, IndexBase } from '../publish/change.ts'
import { indexesOf, keyIn } from '../publish/layout.ts'
import type { Published } from '../publish/published.ts'
import { allowing, groupOf, type Scan, scanPrefix } from '../publish/scan.ts'
import type { ProjectRecord, PublishedFile, SeenFile, WithdrawnFile } from '../records/project.ts'
import type { Catalogue } from '../records/catalogue.ts'
import { readCatalogue } from '../records/read.ts'
import type { KeptCatalogue } from '../records/state.ts'
import type { ProjectContent } from '../records/write.ts'
import { type Archived, findArchived } from './archives.ts'
import { type Carrier, createCarrier } from './carry.ts'
import { type Move, makeMove } from './make-move.ts'
import { publishedPrefix } from './named.ts'
import { type ChangedProject, planMove, readProjectOf, secondsOf } from './plan-move.ts'

export interface RollbackOptions {
  readonly prefix: string
  /** What it published then; left out: before its last change. */
  readonly to?: Once | undefined
  /** Why; kept in the history. */
  readonly message?: string | undefined
  readonly dryRun?: boolean | undefined
  /** As that of `publish`: what it throws stops the roll-back before anything is copied. */
  readonly gate?: ChangeOptions['gate']
}

/** Projects, and files, that are looked at at once. */
const width = 8

/**
 * Publishes what a prefix published before, as a new generation: files, yanks and status. Files that came since stay in the bucket, withdrawn,
 * so that no publication lists them again; rolling forward takes them back. A file that is gone is taken from the archive. Throws `not-found`,
 * with nothing changed, where files are neither in the bucket with the bytes of then nor in the archive, and for a generation that is not kept;
 * `nothing-to-do` where that is what it publishes.
 */
export async function rollback(context: IndexContext, options: RollbackOptions): Promise<Published> {
  const { prefix, dryRun = false } = options
  // Nothing is copied from the archive that the gate would not let through.
  if (options.gate !== undefined && !dryRun) await rollback(context, { ...options, dryRun: true })
  const carrier = createCarrier(context, dryRun)
  const since = secondsOf(context.clock.now())
  let to = options.to
  const plan = async (base: IndexBase): Promise<Move> => {
    const state = publishedPrefix(base.ref, prefix)
    // Where someone else changes it meanwhile, what was meant stays what was meant.
    to ??= { generation: await before(context, base, prefix, state.kept) }
    const { catalogue } = catalogueAt(base.ref!, prefix, to)
    const [now, then] = [await base.projects(prefix), (await readCatalogue(context, catalogue)).projects]
    const isIndex = indexesOf(context, [prefix, ...Object.keys(base.ref!.state.prefixes)])
    const scan = await scanPrefix(context, prefix, isIndex)
    const names = [...new Set([...Object.keys(now), ...Object.keys(then)])].filter((name) => now[name]?.record !== then[name]?.record)
    const pairs = await mapBounded(
      names.sort(),
      width,
      async (name): Promise<Pair> => ({
        name,
        now: await readProjectOf(base.outbox, now, name),
        old: await readProjectOf(base.outbox, then, name),
      }),
      context.signal,
    )
    const files = await standAsThen(context, base, prefix, pairs, scan, carrier)
    const changed = pairs.map((pair): ChangedProject => ({ before: pair.now, after: asThen(pair, files.get(pair)!, scan, since) }))
    const move = await planMove(base.outbox, prefix, now, changed, { scan, written: carrier.written, replaced: carrier.replaced })
    const idle = new Fault('nothing-to-do', `${prefix} publishes that already`, {
      hint: `name another generation with --to; see: holdfast index generations ${prefix}`,
    })
    return { prefixes: new Map([[prefix, move]]), idle }
  }
  return await makeMove(context, 'rollback', options.message, plan, { dryRun, gate: options.gate })
}

/** One project at both times. */
interface Pair {
  readonly name: string
  readonly now: ProjectRecord | undefined
  readonly old: ProjectRecord | undefined
}

/** The newest generation that published something else: one that only forgot what was deleted in the bucket has the pages of the one before. */
async function before(context: IndexContext, base: IndexBase, prefix: string, kept: readonly KeptCatalogue[]): Promise<number> {
  const last = kept.at(-2)
  if (last === undefined) {
    throw new Fault('not-found', `nothing that ${prefix} published before is kept`, { hint: `see: holdfast index generations ${prefix}` })
  }
  const now = await base.projects(prefix)
  for (const { generation, catalogue } of kept.slice(0, -1).toReversed()) {
    const { projects } = await readCatalogue(context, catalogue)
    if (countsDiffer(projects, now) || isOther(await compareCatalogues(context, projects, now))) return generation
  }
  return last.generation
}

/** What most changes show, without a look into the records. */
function countsDiffer(then: Catalogue['projects'], now: Catalogue['projects']): boolean {
  const countsOf = (projects: Catalogue['projects'], name: string) => `${projects[name]?.files ?? 0} ${projects[name]?.bytes ?? 0}`
  return [...Object.keys(then), ...Object.keys(now)].some((name) => countsOf(then, name) !== countsOf(now, name))
}

function isOther({ files: { added, removed, changed }, projects }: CatalogueDifference): boolean {
  return added + removed + changed > 0 || projects.some(({ status }) => status !== undefined)
}

interface Lost {
  readonly file: PublishedFile
  readonly why: string
}

/** The files of then as they stand in the bucket; what is gone is copied back from the archive, if all of it can be had. */
async function standAsThen(
  context: IndexContext,
  base: IndexBase,
  prefix: string,
  pairs: readonly Pair[],
  scan: Scan,
  carrier: Carrier,
): Promise<Map<Pair, PublishedFile[]>> {
  const lost: Lost[] = []
  const isAllowed = allowing(context)
  const all = pairs.flatMap((pair) => (pair.old?.files ?? []).map((file) => ({ pair, file })))
  const found = await mapBounded(
    all,
    width,
    async ({ pair, file }, signal): Promise<PublishedFile | Archived | undefined> => {
      const { name, now } = pair
      if (!isAllowed(name)) {
        lost.push({ file, why: 'its project is not in the allow-list any more' })
        return undefined
      }
      const row = scan.groups.get(name)?.files.find((each) => each.name === file.name)
      if (row !== undefined && now?.withdrawn.some((gone) => gone.name === file.name && gone.why === 'deleting'))
        throw leaving(prefix, file)
      if (row !== undefined && row.etag === file.etag && row.size === file.size) return file
      if (row !== undefined && file.digest !== undefined) {
        const standing = await carrier.look(scan, now, name, file, signal)
        if (standing.kind === 'there') return { ...file, size: row.size, etag: row.etag }
      }
      const archived = row === undefined ? await findArchived(base, prefix, name, file) : undefined
      if (archived === undefined) lost.push({ file, why: row === undefined ? 'gone' : 'it has other bytes now' })
      return archived
    },
    context.signal,
  )
  if (lost.length > 0) throw missing(prefix, lost)
  const stand = await mapBounded(
    found,
    width,
    async (file, signal) =>
      'from' in file! ? { ...(await carrier.copy(file.from, scan, file.project, file.file, signal)), yanked: file.was.yanked } : file!,
    context.signal,
  )
  const result = new Map(pairs.map((pair): [Pair, PublishedFile[]] => [pair, []]))
  for (const [index, { pair }] of all.entries()) result.get(pair)!.push(stand[index]!)
  return result
}

function leaving(prefix: string, file: PublishedFile): Fault {
  return new Fault('busy', `${keyIn(prefix, file.name)} is in the archive, and being deleted here`, {
    hint: `finish that first, then it is copied back from there: holdfast index archive ${prefix}`,
  })
}

function missing(prefix: string, lost: readonly Lost[]): Fault {
  const lines = lost.map(({ file, why }) => `${keyIn(prefix, file.name)} (${why}; it was ${file.digest ?? `${file.size} bytes`})`).sort()
  const more = lines.length > 10 ? `\n… and ${lines.length - 10} others` : ''
  return new Fault(
    'not-found',
    `files of then cannot be published any more; nothing was changed\n${lines.slice(0, 10).join('\n')}${more}`,
    {
      hint:
        'put them back: in a versioned bucket delete the delete marker, or copy the older version over the key; then roll back again. ' +
        'What else is published can be seen with: holdfast index generations',
    },
  )
}

/** The project as it was, and what came since withdrawn. What is refused now stays so. */
function asThen({ name, now, old }: Pair, files: readonly PublishedFile[], scan: Scan, since: string): ProjectContent {
  const named = new Set(files.map((file) => file.name))
  const listed = new Map(groupOf(scan, name).files.map((row) => [row.name, row]))
  const isOther = (file: SeenFile) => !named.has(file.name) && listed.get(file.name)?.etag === file.etag
  const withdrawn = new Map<string, WithdrawnFile>()
  for (const file of [...(old?.withdrawn ?? []), ...(now?.withdrawn ?? [])]) if (isOther(file)) withdrawn.set(file.name, file)
  for (const file of now?.files ?? []) {
    if (!isOther(file)) continue
    const earlier = old?.withdrawn.find((gone) => gone.name === file.name && gone.etag === file.etag)
    withdrawn.set(file.name, earlier ?? { ...file, why: 'rolled-back', since })
  }
  const refused = new Map([...(old?.refused ?? []), ...(now?.refused ?? [])].filter(isOther).map((file) => [file.name, file]))
  return {
    name,
    status: old?.status ?? { status: 'active' },
    files,
    refused: [...refused.values()].filter((file) => !withdrawn.has(file.name)),
    withdrawn: [...withdrawn.values()],
    metadata: { ...now?.metadata, ...old?.metadata },
  }
}
