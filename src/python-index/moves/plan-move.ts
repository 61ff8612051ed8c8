import type { Catalogue, CataloguedProject } from '../records/catalogue.ts'
import type { ProjectRecord, PublishedFile } from '../records/project.ts'
import type { ProjectContent } from '../records/write.ts'
import { byName, catalogueProject } from '../publish/catalogued.ts'
import type { PrefixChange } from '../publish/change.ts'
import type { Outbox } from '../publish/outbox.ts'
import { differenceOf, joinDifferences, type PlannedPrefix } from '../publish/published.ts'
import { besideOf, emptyScan, type Scan } from '../publish/scan.ts'

/** A project of a prefix that is to say something else. */
export interface ChangedProject {
  readonly before: ProjectRecord | undefined
  readonly after: ProjectContent
}

export interface PlannedMove {
  readonly change: PrefixChange
  readonly plan: PlannedPrefix
}

/** What a prefix is to publish with these projects in place of what it has of them; their records go into the outbox. */
export async function planMove(
  outbox: Outbox,
  prefix: string,
  before: Catalogue['projects'],
  changed: Iterable<ChangedProject>,
  found: { readonly scan?: Scan | undefined; readonly written?: readonly string[]; readonly replaced?: readonly string[] } = {},
): Promise<PlannedMove> {
  const projects = Object.assign(byName<CataloguedProject>(), before)
  const differences = []
  for (const one of changed) {
    const { name } = one.after
    differences.push(differenceOf(one.before, one.after))
    const project = catalogueProject(one.after)
    if (project === undefined) delete projects[name]
    else if (project.record.digest !== before[name]?.record) {
      await outbox.add(project.record)
      projects[name] = project.entry
    }
  }
  const { scan, written = [], replaced = [] } = found
  const difference = { ...joinDifferences(differences), refused: [] }
  const beside = besideOf(scan ?? emptyScan(prefix))
  return {
    change: { projects, scan },
    plan: { difference, beside, written: [...written, ...replaced], purge: replaced, isEmpty: false },
  }
}

/** What a record says, to be changed; of a project that is not there yet, nothing. */
export function contentOf(name: string, record: ProjectRecord | undefined): ProjectContent {
  if (record === undefined) return { name, status: { status: 'active' }, files: [], refused: [], withdrawn: [], metadata: {} }
  const { status, files, refused, withdrawn, metadata } = record
  return { name, status, files, refused, withdrawn, metadata }
}

/**
 * What a project says when these files of `source` stand in it too, in place of what it had under their names. One that is new has the
 * status that it had there.
 */
export function withFiles(source: ProjectRecord, known: ProjectRecord | undefined, files: readonly PublishedFile[]): ProjectContent {
  const content = contentOf(source.name, known)
  const named = new Set(files.map(({ name }) => name))
  const isOther = ({ name }: { readonly name: string }) => !named.has(name)
  return {
    ...content,
    status: known === undefined ? source.status : content.status,
    files: [...content.files.filter(isOther), ...files],
    refused: content.refused.filter(isOther),
    withdrawn: content.withdrawn.filter(isOther),
    metadata: { ...source.metadata, ...content.metadata },
  }
}

export async function readProjectOf(outbox: Outbox, projects: Catalogue['projects'], name: string): Promise<ProjectRecord | undefined> {
  const entry = Object.hasOwn(projects, name) ? projects[name] : undefined
  return entry === undefined ? undefined : await outbox.read(entry.record)
}

/** ISO 8601, UTC, whole seconds. */
export function secondsOf(time: number): string {
  return `${new Date(time).toISOString().slice(0, 19)}Z`
}
