import { canonicalJson, type Digest, Fault, isFault } from '../../kit/index.ts'
import type { IndexContext } from '../context.ts'
import type { Catalogue } from '../records/catalogue.ts'
import { type PrefixFacts, type PrefixInLine, putPrefixFacts, putViewFacts, readPrefixFacts, readViewFacts } from '../records/facts.ts'
import type { ProjectRecord } from '../records/project.ts'
import { readCatalogue, readIndex } from '../records/read.ts'
import type { IndexRef } from '../records/state.ts'
import { encodeCatalogue } from '../records/write.ts'
import { bringInLine } from './bring-in-line.ts'
import { byName } from './catalogued.ts'
import { assertNotEmptied } from './emptied.ts'
import { rulesOf, sumOfScan } from './in-line.ts'
import { indexesOf } from './layout.ts'
import { type Beside, besideOf, type Scan, scanPrefix } from './scan.ts'
import { bringTouchedInLine, scanPages, type Touched } from './touched.ts'
import type { WrittenView } from './view.ts'

export interface FollowOptions {
  /** What stands. */
  readonly ref: IndexRef | undefined
  /** It was just moved by this command: trouble from now on is `partial`. */
  readonly hasMoved: boolean
  /** The prefixes to look at; what they are to show, and a listing no older than the ref where there is one. */
  readonly wanted: ReadonlyMap<string, Wanted>
  readonly read: (record: Digest) => Promise<ProjectRecord>
  readonly dryRun: boolean
  /** Pages are not written where the bucket has lost every file that they name: `precondition`. */
  readonly wantsFiles?: boolean | undefined
}

export interface Wanted {
  readonly projects: Catalogue['projects']
  readonly scan?: Scan | undefined
  /** By project, of its pages and companions when all of these companions were right: `sumOfView`. */
  readonly compared?: ReadonlyMap<string, Digest> | undefined
  /** Only these projects and the root pages are looked at, whatever else lies there. */
  readonly touched?: Touched | undefined
}

/** What was done to the view of a prefix; in a dry run, would be. */
export interface FollowedView extends Pick<WrittenView, 'written' | 'removed' | 'purge'> {
  readonly prefix: string
  readonly beside: Beside
}

const maxRounds = 10

/**
 * Brings pages and companions in line with what the ref says. Where the ref moves meanwhile it starts over with what moved, so that the last one to
 * finish leaves the newest. What stands already costs a listing.
 */
export async function followViews(context: IndexContext, options: FollowOptions): Promise<FollowedView[]> {
  if (options.wanted.size === 0) return []
  try {
    return await follow(context, options)
  } catch (error) {
    if (!options.hasMoved || ['aborted', 'partial', 'busy', 'bug'].some((code) => isFault(error, code as 'busy'))) throw error
    throw new Fault(
      'partial',
      `${context.environment.bucket} has moved to generation ${options.ref?.generation}, and its pages could not be brought in line with it`,
      { at: context.bucket.name, hint: 'mend the cause, then run: holdfast index reconcile', cause: error },
    )
  }
}

async function follow(context: IndexContext, options: FollowOptions): Promise<FollowedView[]> {
  const done = new Map<string, FollowedView>()
  let { ref, wanted } = options
  for (let round = 1; ; round++) {
    const { views, wrote } = await followOnce(context, ref, wanted, options)
    for (const view of views) done.set(view.prefix, join(done.get(view.prefix), view))
    if (!wrote) break
    const now = await readIndex(context)
    const moved = now === undefined ? [] : movedSince(ref, now, [...options.wanted.keys()])
    if (now === undefined || moved.length === 0) break
    if (round === maxRounds)
      throw new Fault('busy', `${context.environment.bucket} is published again and again; its pages are not in line yet`, {
        hint: 'run: holdfast index reconcile',
      })
    ref = now
    wanted = await wantedBy(context, now, moved, wanted)
  }
  return [...done.values()]
}

/** What the ref says that these prefixes show. */
export async function wantedBy(
  context: IndexContext,
  ref: IndexRef,
  prefixes: readonly string[],
  before?: ReadonlyMap<string, Wanted>,
): Promise<Map<string, Wanted>> {
  const wanted = new Map<string, Wanted>()
  for (const prefix of prefixes) {
    const { projects } = await readCatalogue(context, ref.state.prefixes[prefix]!.catalogue)
    wanted.set(prefix, { projects, touched: before?.get(prefix)?.touched })
  }
  return wanted
}

function movedSince(ref: IndexRef | undefined, now: IndexRef, prefixes: readonly string[]): string[] {
  return prefixes.filter((prefix) => {
    const catalogue = now.state.prefixes[prefix]?.catalogue
    return catalogue !== undefined && catalogue !== ref?.state.prefixes[prefix]?.catalogue
  })
}

function join(before: FollowedView | undefined, view: FollowedView): FollowedView {
  if (before === undefined) return view
  const both = (one: readonly string[], other: readonly string[]) => [...new Set([...one, ...other])].sort()
  return {
    ...view,
    written: both(before.written, view.written),
    removed: both(before.removed, view.removed),
    purge: both(before.purge, view.purge),
  }
}

interface Round {
  readonly context: IndexContext
  readonly options: FollowOptions
  readonly rules: Digest
  readonly isIndex: (prefix: string) => boolean
  /** What is known to be in line; kept up to date. */
  readonly known: Record<string, PrefixInLine>
}

async function followOnce(
  context: IndexContext,
  ref: IndexRef | undefined,
  wanted: FollowOptions['wanted'],
  options: FollowOptions,
): Promise<{ readonly views: FollowedView[]; readonly wrote: boolean }> {
  const remembered = await readViewFacts(context)
  const round: Round = {
    context,
    options,
    rules: rulesOf(context.environment),
    isIndex: indexesOf(context, Object.keys(ref?.state.prefixes ?? {})),
    known: Object.assign(byName<PrefixInLine>(), remembered?.prefixes),
  }
  const views: FollowedView[] = []
  for (const [prefix, one] of wanted)
    views.push(await (one.touched === undefined ? followPrefix(round, prefix, one) : followTouched(round, prefix, one, one.touched)))
  if (!options.dryRun && canonicalJson(round.known) !== canonicalJson(remembered?.prefixes ?? {})) await putViewFacts(context, round.known)
  const wrote = !options.dryRun && views.some(({ written, removed }) => written.length + removed.length > 0)
  return { views, wrote }
}

async function followPrefix({ context, options, rules, isIndex, known }: Round, prefix: string, one: Wanted): Promise<FollowedView> {
  const { read, dryRun } = options
  const { projects, compared } = one
  const scan = one.scan ?? (await scanPrefix(context, prefix, isIndex))
  if (options.wantsFiles === true)
    assertNotEmptied(
      context,
      Object.values(projects).reduce((sum, { files }) => sum + files, 0),
      scan,
    )
  const beside = besideOf(scan)
  const catalogue = encodeCatalogue(projects).digest
  const inLine = known[prefix]
  if (inLine?.catalogue === catalogue && inLine.seen === sumOfScan(scan, rules))
    return { prefix, beside, written: [], removed: [], purge: [] }
  const facts = await readPrefixFacts(context, prefix)
  const view = await bringInLine(context, { prefix, catalogue, projects, scan, compared, facts, rules, read, dryRun })
  if (!dryRun && !isSame(facts, view.facts)) await putPrefixFacts(context, prefix, view.facts)
  if (view.seen !== undefined) known[prefix] = { catalogue, seen: view.seen }
  return { prefix, beside, written: view.written, removed: view.removed, purge: view.purge }
}

async function followTouched(
  { context, options, rules, known }: Round,
  prefix: string,
  { projects, scan: given }: Wanted,
  touched: Touched,
): Promise<FollowedView> {
  const { read, dryRun } = options
  const scan = given ?? (await scanPages(context, prefix, touched.projects.keys()))
  const catalogue = encodeCatalogue(projects).digest
  const facts = await readPrefixFacts(context, prefix)
  const view = { prefix, catalogue, projects, scan, facts, rules, read, dryRun }
  const { written, removed, purge, learnt } = await bringTouchedInLine(context, view, touched, known[prefix])
  // Later listings of this command have not all of what facts speak of.
  if (learnt !== undefined && given !== undefined && !dryRun) {
    if (!isSame(facts, learnt.facts)) await putPrefixFacts(context, prefix, learnt.facts)
    if (learnt.seen !== undefined) known[prefix] = { catalogue, seen: learnt.seen }
  }
  return { prefix, beside: besideOf(scan), written, removed, purge }
}

function isSame(facts: PrefixFacts | undefined, { catalogue, projects, root }: Omit<PrefixFacts, 'format'>): boolean {
  return facts !== undefined && canonicalJson([facts.catalogue, facts.projects, facts.root]) === canonicalJson([catalogue, projects, root])
}
