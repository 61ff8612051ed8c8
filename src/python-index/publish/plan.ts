import { type Digest, forEachBounded } from '../../kit/index.ts'
import type { IndexContext } from '../context.ts'
import type { Catalogue, CataloguedProject } from '../records/catalogue.ts'
import type { LearntFile } from '../records/note.ts'
import type { ProjectContent } from '../records/write.ts'
import { byName, catalogueProject } from './catalogued.ts'
import { ensureCompanion } from './companion.ts'
import type { Lanes } from './lanes.ts'
import type { LearnRules } from './learn.ts'
import type { Outbox } from './outbox.ts'
import { type Difference, differenceOf, joinDifferences, noDifference } from './published.ts'
import { lookingAt, remakeProject } from './remake.ts'
import { allowing, type Group, groupOf, listedDigest, type ListedFile, type Scan } from './scan.ts'

/** What a publication holds to, and what it remembers from one try to the next. */
export interface Planning extends LearnRules {
  readonly includeWithdrawn: boolean
  readonly dryRun: boolean
  /** Only these projects; normalised. */
  readonly only: ReadonlySet<string> | undefined
  readonly noteOf: (prefix: string, row: ListedFile) => LearntFile | undefined
  readonly lanes: Lanes
  /** Projects that were made by an earlier try which came too late, by `<prefix>/<project>`. Their records are stored. */
  readonly made: Map<string, Made>
}

interface Made {
  /** What it was made of. */
  readonly base: Digest | undefined
  readonly listed: Digest
  readonly entry: CataloguedProject | undefined
  readonly difference: Difference
}

/** What is to be published of one prefix. */
export interface PlannedProjects {
  readonly projects: Catalogue['projects']
  readonly difference: Difference
  /** Companions that were written, and those of them that were there before. */
  readonly written: readonly string[]
  readonly replaced: readonly string[]
}

/** Makes anew the projects whose distributions are not those of their record, and keeps the others. */
export async function planProjects(
  context: IndexContext,
  planning: Planning,
  before: Catalogue['projects'],
  scan: Scan,
  outbox: Outbox,
): Promise<PlannedProjects> {
  const isAllowed = allowing(context)
  const made = new Map<string, Made | CataloguedProject>()
  const [written, replaced]: [string[], string[]] = [[], []]
  const companions = (key: string, isNew: boolean) => void (isNew ? written : replaced).push(key)
  const { only } = planning
  const names = new Set([...Object.keys(before), ...scan.groups.keys()])
  const toMake: string[] = []
  for (const name of names) {
    const entry = before[name]
    const isMeant = only?.has(name) ?? true
    const isAsWas = isAllowed(name) && !planning.includeWithdrawn && entry?.listed === listedDigest(groupOf(scan, name))
    if (isMeant && !isAsWas) toMake.push(name)
    else if (entry !== undefined) made.set(name, entry)
  }
  const task = lookingAt(scan.prefix)
  context.report({ kind: 'begin', task, items: toMake.reduce((sum, name) => sum + groupOf(scan, name).files.length, 0) })
  await forEachBounded(
    toMake,
    16,
    async (name) => {
      const entry = before[name]
      const group = groupOf(scan, name)
      made.set(name, await make(context, planning, { name, entry, group, scan, outbox, companions, isAllowed: isAllowed(name) }))
    },
    context.signal,
  )
  context.report({ kind: 'end', task })
  const projects = byName<CataloguedProject>()
  const differences: Difference[] = []
  for (const name of [...made.keys()].sort()) {
    const one = made.get(name)!
    const entry = 'difference' in one ? one.entry : one
    if (entry !== undefined) projects[name] = entry
    if ('difference' in one) differences.push(one.difference)
    else if (one.refused > 0 && (only?.has(name) ?? true)) differences.push(await refusedOf(outbox, one))
  }
  return { projects, difference: joinDifferences(differences), written: [...written, ...replaced], replaced }
}

interface Making {
  readonly name: string
  readonly entry: CataloguedProject | undefined
  readonly group: Group
  readonly scan: Scan
  readonly outbox: Outbox
  readonly companions: (key: string, isNew: boolean) => void
  readonly isAllowed: boolean
}

async function make(context: IndexContext, planning: Planning, making: Making): Promise<Made> {
  const { name, entry, group, scan, outbox, isAllowed } = making
  const id = `${scan.prefix}/${name}`
  const earlier = planning.made.get(id)
  const listed = listedDigest(group)
  if (earlier !== undefined && earlier.base === entry?.record && earlier.listed === listed) return earlier
  const base = entry === undefined ? undefined : await outbox.read(entry.record)
  const mine = earlier?.entry === undefined ? undefined : await outbox.read(earlier.entry.record)
  const content: ProjectContent = isAllowed
    ? await remakeProject(context, {
        ...planning,
        prefix: scan.prefix,
        project: name,
        group,
        known: [base, mine].filter((record) => record !== undefined),
        onWheel: ({ file, metadata }) =>
          ensureCompanion(
            context,
            { prefix: scan.prefix, group, dryRun: planning.dryRun, onWritten: making.companions },
            file,
            metadata,
            context.signal,
          ),
      })
    : { name, status: { status: 'active' }, files: [], refused: [], withdrawn: [], metadata: {} }
  const project = catalogueProject(content)
  if (project !== undefined && project.record.digest !== entry?.record) await outbox.add(project.record)
  const made: Made = { base: entry?.record, listed, entry: project?.entry, difference: differenceOf(base, content) }
  planning.made.set(id, made)
  return made
}

/** What is refused is told each time, of the projects that are looked at. */
export async function refusedOf(outbox: Outbox, { record }: CataloguedProject): Promise<Difference> {
  const { refused } = await outbox.read(record)
  return { ...noDifference, refused: refused.map(({ name, reason }) => ({ name, reason })) }
}
