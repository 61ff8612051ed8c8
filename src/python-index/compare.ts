import { Fault, mapBounded } from '../kit/index.ts'
import type { IndexContext } from './context.ts'
import type { Catalogue, CataloguedProject } from './records/catalogue.ts'
import type { ProjectRecord, ProjectStatus, PublishedFile, RefusedFile } from './records/project.ts'
import { readProject } from './records/read.ts'

/** What is another in one project; only projects of which something visible differs have one. */
export interface ProjectDifference {
  readonly name: string
  /** By version and name. */
  readonly added: readonly PublishedFile[]
  readonly removed: readonly RemovedFile[]
  readonly changed: readonly ChangedFile[]
  /** Files that are in the bucket and became unfit to be published, or for another reason than before. */
  readonly refused: readonly RefusedFile[]
  /** Where it differs. */
  readonly status?: { readonly before: ProjectStatus; readonly after: ProjectStatus } | undefined
}

export interface RemovedFile extends PublishedFile {
  /** Undefined where it is just not there any more. */
  readonly why?: 'rolled-back' | 'archived' | 'refused' | undefined
}

export interface ChangedFile {
  readonly name: string
  readonly before: PublishedFile
  readonly after: PublishedFile
  /** At least one. `content` is the bytes under a name that already was: installers that have seen both refuse one of them. */
  readonly what: readonly FileChange[]
}

export type FileChange = 'content' | 'digest' | 'yanked' | 'unyanked' | 'reason' | 'requires-python' | 'metadata' | 'provenance'

export interface CatalogueDifference {
  /** By name. */
  readonly projects: readonly ProjectDifference[]
  /** Projects of which nothing visible differs. */
  readonly same: number
  readonly files: { readonly added: number; readonly removed: number; readonly changed: number; readonly refused: number }
}

/** Records that are read at once. */
const width = 8

/**
 * What differs between what two catalogues publish, of one prefix at two times or of two prefixes: files are the same where their digests
 * are, wherever they lie and whenever they came. Reads only the records of projects that differ. Throws `not-found` for a project that neither has.
 */
export async function compareCatalogues(
  context: Pick<IndexContext, 'store' | 'signal'>,
  before: Catalogue['projects'],
  after: Catalogue['projects'],
  options: {
    readonly project?: string | undefined
    readonly read?: ((record: CataloguedProject['record']) => Promise<ProjectRecord>) | undefined
  } = {},
): Promise<CatalogueDifference> {
  const { project, read = async (record) => await readProject(context, record) } = options
  const all = project === undefined ? [...new Set([...Object.keys(before), ...Object.keys(after)])].sort() : [project]
  if (project !== undefined && own(before, project) === undefined && own(after, project) === undefined) {
    throw new Fault('not-found', `there is no project ${project} on either side`, { hint: 'see what there is: holdfast index status' })
  }
  const names = all.filter((name) => own(before, name)?.record !== own(after, name)?.record)
  const readOf = async (side: Catalogue['projects'], name: string) => {
    const entry = own(side, name)
    return entry === undefined ? undefined : await read(entry.record)
  }
  const found = await mapBounded(
    names,
    width,
    async (name) => compareProjects(name, await readOf(before, name), await readOf(after, name)),
    context.signal,
  )
  const projects = found.filter(isDifferent)
  const count = (of: (difference: ProjectDifference) => readonly unknown[]) => projects.reduce((sum, each) => sum + of(each).length, 0)
  return {
    projects,
    same: all.length - projects.length,
    files: {
      added: count(({ added }) => added),
      removed: count(({ removed }) => removed),
      changed: count(({ changed }) => changed),
      refused: count(({ refused }) => refused),
    },
  }
}

/** Pure. Undefined: the project is not there. */
export function compareProjects(name: string, before: ProjectRecord | undefined, after: ProjectRecord | undefined): ProjectDifference {
  const then = new Map(before?.files.map((file) => [file.name, file]))
  const now = new Map(after?.files.map((file) => [file.name, file]))
  const changed = [...now.values()].flatMap((file): ChangedFile[] => {
    const old = then.get(file.name)
    const what = old === undefined ? [] : changesOf(old, file)
    return what.length === 0 ? [] : [{ name: file.name, before: old!, after: file, what }]
  })
  const status = { before: before?.status ?? active, after: after?.status ?? active }
  const hasStatus = status.before.status !== status.after.status || status.before.reason !== status.after.reason
  return {
    name,
    added: [...now.values()].filter((file) => !then.has(file.name)),
    removed: [...then.values()].filter((file) => !now.has(file.name)).map((file) => removedFile(file, after)),
    changed,
    refused: after?.refused.filter((file) => !before?.refused.some((old) => old.name === file.name && old.reason === file.reason)) ?? [],
    ...(hasStatus ? { status } : {}),
  }
}

const active: ProjectStatus = { status: 'active' }

/** A project may be called `constructor`. */
function own(projects: Catalogue['projects'], name: string): CataloguedProject | undefined {
  return Object.hasOwn(projects, name) ? projects[name] : undefined
}

function isDifferent({ added, removed, changed, refused, status }: ProjectDifference): boolean {
  return added.length + removed.length + changed.length + refused.length > 0 || status !== undefined
}

function changesOf(before: PublishedFile, after: PublishedFile): FileChange[] {
  const what: FileChange[] = []
  if (!hasSameContent(before, after)) what.push('content')
  else if (before.digest !== after.digest) what.push('digest')
  if (before.yanked === undefined && after.yanked !== undefined) what.push('yanked')
  else if (before.yanked !== undefined && after.yanked === undefined) what.push('unyanked')
  else if (before.yanked !== after.yanked) what.push('reason')
  if (before.requiresPython !== after.requiresPython) what.push('requires-python')
  if (before.metadata !== after.metadata) what.push('metadata')
  if (before.provenance !== after.provenance) what.push('provenance')
  return what
}

/** Where a digest is not known, the bucket's own mark of the version has to tell. */
function hasSameContent(before: PublishedFile, after: PublishedFile): boolean {
  if (before.size !== after.size) return false
  return before.digest === undefined || after.digest === undefined ? before.etag === after.etag : before.digest === after.digest
}

function removedFile(file: PublishedFile, after: ProjectRecord | undefined): RemovedFile {
  const withdrawn = after?.withdrawn.find(({ name }) => name === file.name)
  const isRefused = after?.refused.some(({ name }) => name === file.name) === true
  const why = withdrawn?.why === 'deleting' ? 'archived' : (withdrawn?.why ?? (isRefused ? 'refused' : undefined))
  return why === undefined ? file : { ...file, why }
}
