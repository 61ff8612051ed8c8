import { setFlagsFromString } from 'node:v8'
import { type Digest, Fault, mapAhead, mapBounded } from '../../kit/index.ts'
import type { ObjectStore } from '../../store/index.ts'
import type { IndexContext } from '../context.ts'
import { normaliseName } from '../names/project-name.ts'
import { readViewFacts, type ViewFacts } from '../records/facts.ts'
import { type Candidate, type ChangedPrefixes, changeIndex, type IndexBase, type PrefixChange } from './change.ts'
import { assertNotEmptied } from './emptied.ts'
import { rulesOf, sumOfScan, sumOfView } from './in-line.ts'
import { type KnownNotes, readNotes } from './known-notes.ts'
import { createLanes } from './lanes.ts'
import { indexesOf } from './layout.ts'
import { type Planning, planProjects, refusedOf } from './plan.ts'
import { describePublished, joinDifferences, noDifference, type PlannedPrefix, type Published } from './published.ts'
import { besideOf, hasFiles, type Scan, scanPrefix } from './scan.ts'
import { writeFolder } from './write-folder.ts'

export interface PublishOptions {
  readonly prefixes: readonly string[]
  /** Only this project. */
  readonly project?: string | undefined
  /** No file is read whole: what cannot be known otherwise is published without a digest, or refused where the environment wants one. */
  readonly noRead?: boolean | undefined
  /** Files that were not published before are read whole, also where the place or a note tells their digest. */
  readonly computeSha256?: boolean | undefined
  /** What a roll-back or an archiving took off is published again. */
  readonly includeWithdrawn?: boolean | undefined
  /** A prefix of which every published file is gone is published as empty; otherwise that is a fault. */
  readonly allowEmpty?: boolean | undefined
  /** Nothing is written; the outcome tells what would be. */
  readonly dryRun?: boolean | undefined
  /** The pages are written here instead, all of these prefixes, and nothing moves. */
  readonly pagesTo?: ObjectStore | undefined
  /** Is shown what these prefixes would publish, those too that stay as they are; what it throws stops all of it. */
  readonly gate?: ((candidate: Candidate) => Promise<void>) | undefined
}

/** Files that are looked at, or read, at once. */
const width = 24
/** Prefixes that are listed at once. */
const listedAtOnce = 2
/** That are listed: what is known of them becomes most of the heap. */
const manyFiles = 5000
/** Files of a prefix that are new: with more of them its listing is made again when its pages are written. */
const largeChange = 500

/**
 * Publishes what the bucket holds: looks at the files that are new or changed since the last publication, moves the ref, and brings the pages
 * in line with it. Where nothing changed nothing is written. Files that cannot be published are in the outcome, each with
 * its reason, and stop nothing. Throws `invalid` for a name that is no project's, `nothing-to-do` for a project that no prefix has or had,
 * `precondition` where a prefix lost all of its files, what the gate throws, and trouble on the way.
 */
export async function publish(context: IndexContext, options: PublishOptions): Promise<Published> {
  // What is made for a file is dropped with its record: room for more of that than there is now would only be memory.
  setFlagsFromString('--semi-space-growth-factor=1')
  setHeapGrowth(0)
  const { pagesTo } = options
  const dryRun = options.dryRun === true || pagesTo !== undefined
  const project = options.project === undefined ? undefined : normaliseName(options.project)
  if (options.noRead === true && options.computeSha256 === true)
    throw new Fault('invalid', 'a digest cannot be computed without reading', { hint: 'leave out --no-read or --compute-sha256' })
  const tries = createTries(context, { ...options, project, dryRun })
  const changed = await changeIndex(context, 'publish', undefined, (base) => tries.plan(base), {
    dryRun,
    gate: options.gate,
    look: pagesTo === undefined ? undefined : (candidate) => writeFolder(context, candidate, pagesTo),
  })
  if (project !== undefined && !tries.hasMet()) {
    throw new Fault('nothing-to-do', `${project} is in none of ${options.prefixes.join(', ')}`, {
      at: context.bucket.name,
      hint: 'check --package and the prefixes',
    })
  }
  if (!dryRun && project === undefined) await tries.notes()?.settle(options.prefixes)
  return describePublished(changed, tries.planned())
}

/** Bytes that are read count for the collector like the heap itself: a small one it would mark for every few of them, a large one would double. */
function setHeapGrowth(files: number): void {
  setFlagsFromString(`--heap-growing-percent=${files > manyFiles ? 30 : 400}`)
}

interface Tries {
  /** Once, and again wherever someone else was first. */
  plan(base: IndexBase): Promise<ChangedPrefixes>
  /** Of the last try. */
  planned(): ReadonlyMap<string, PlannedPrefix>
  notes(): KnownNotes | undefined
  /** Whether a prefix has or had the only project that is looked at. */
  hasMet(): boolean
}

function createTries(context: IndexContext, options: PublishOptions & { readonly dryRun: boolean }): Tries {
  const lanes = createLanes(width)
  const made: Planning['made'] = new Map()
  let planned = new Map<string, PlannedPrefix>()
  let notes: KnownNotes | undefined
  let hasMet = false
  return {
    planned: () => planned,
    notes: () => notes,
    hasMet: () => hasMet,
    async plan(base) {
      planned = new Map()
      const known = (notes = await readNotes(context))
      const facts = await readViewFacts(context)
      const planning: Planning = {
        noRead: options.noRead === true,
        computeSha256: options.computeSha256 === true,
        includeWithdrawn: options.includeWithdrawn === true,
        dryRun: options.dryRun,
        only: options.project === undefined ? undefined : new Set([options.project]),
        noteOf: (prefix, row) => known.of(prefix, row),
        lanes,
        made,
      }
      const isIndex = indexesOf(context, [...options.prefixes, ...Object.keys(base.ref?.state.prefixes ?? {})])
      // A folder gets all pages, and a gate judges all prefixes, whatever changed.
      const isWhole = options.pagesTo !== undefined || options.gate !== undefined
      const changes = new Map<string, PrefixChange>()
      let listed = 0
      const scans = mapAhead(new Set(options.prefixes), listedAtOnce, (prefix) => scanPrefix(context, prefix, isIndex))
      for await (const scan of scans) {
        const { prefix } = scan
        listed += scan.groups.values().reduce((sum, { files }) => sum + files.length, 0)
        setHeapGrowth(listed)
        if (options.allowEmpty !== true) assertNotEmptied(context, base.ref?.state.prefixes[prefix]?.files ?? 0, scan)
        const { project } = options
        hasMet ||= project !== undefined && (scan.groups.has(project) || Object.hasOwn(await base.projects(prefix), project))
        const { change, plan } = await planPrefix(context, planning, base, scan, facts, isWhole)
        planned.set(prefix, plan)
        if (change !== undefined) changes.set(prefix, change)
      }
      return changes
    },
  }
}

async function planPrefix(
  context: IndexContext,
  planning: Planning,
  base: IndexBase,
  scan: Scan,
  facts: ViewFacts | undefined,
  isWhole: boolean,
): Promise<{ readonly change: PrefixChange | undefined; readonly plan: PlannedPrefix }> {
  const { prefix } = scan
  const state = base.ref?.state.prefixes[prefix]
  const isPartial = planning.only !== undefined
  const plan = { difference: noDifference, beside: besideOf(scan), isPartial, written: [], purge: [], isEmpty: false }
  if (state === undefined && !hasFiles(scan)) return { change: undefined, plan: { ...plan, isEmpty: true } }
  const inLine = facts?.prefixes[prefix]
  const isInLine =
    state !== undefined && inLine?.catalogue === state.catalogue && inLine.seen === sumOfScan(scan, rulesOf(context.environment))
  if (isInLine && !planning.includeWithdrawn) {
    const projects = state.refused > 0 || isWhole ? await base.projects(prefix) : {}
    const refusing = Object.entries(projects).filter(([name, { refused }]) => refused > 0 && (planning.only?.has(name) ?? true))
    const refused = await mapBounded(refusing, 8, ([, entry]) => refusedOf(base.outbox, entry), context.signal)
    return { change: isWhole ? { projects, scan } : undefined, plan: { ...plan, difference: joinDifferences(refused) } }
  }
  const { projects, difference, written, replaced } = await planProjects(context, planning, await base.projects(prefix), scan, base.outbox)
  const isLarge = difference.filesAdded.length + difference.filesChanged.length > largeChange && !planning.dryRun
  return {
    // So much was asked about these files that listing them again costs nothing beside it, and keeping the listings would fill the memory.
    change: isLarge ? { projects, compared: comparedIn(scan, rulesOf(context.environment)) } : { projects, scan },
    plan: { ...plan, difference, written, purge: replaced },
  }
}

/** The projects all of whose companions this command has compared or written. */
function comparedIn({ groups }: Scan, rules: Digest): Map<string, Digest> {
  const compared = new Map<string, Digest>()
  for (const [name, group] of groups) {
    if ([...group.companions.keys()].every((file) => group.checked.has(file))) compared.set(name, sumOfView(group, rules))
  }
  return compared
}
