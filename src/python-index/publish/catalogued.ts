import type { Digest } from '../../kit/index.ts'
import type { Catalogue, CataloguedProject } from '../records/catalogue.ts'
import { listingDigest } from '../records/listing.ts'
import type { ProjectRecord, SeenFile } from '../records/project.ts'
import { type EncodedRecord, encodeProject, type ProjectContent } from '../records/write.ts'
import { isSettled } from './learn.ts'

/** An empty table by anybody's names: looking one up never finds what every object inherits. */
export function byName<T>(): Record<string, T> {
  return Object.create(null) as Record<string, T>
}

export const noProjects: Catalogue['projects'] = Object.freeze(byName<CataloguedProject>())

export interface EncodedProject {
  readonly entry: CataloguedProject
  readonly record: EncodedRecord
}

/**
 * A project as a catalogue names it, and its record, not yet stored. Undefined where there is nothing to tell of it: such a project is in no
 * catalogue.
 */
export function catalogueProject(content: ProjectContent): EncodedProject | undefined {
  const { files, refused, withdrawn, status } = content
  if (files.length + refused.length + withdrawn.length === 0 && status.status === 'active') return undefined
  const record = encodeProject(content)
  return {
    record,
    entry: {
      record: record.digest,
      listed: listingDigest(settledRows(content)),
      files: files.length,
      bytes: files.reduce((sum, { size }) => sum + size, 0),
      refused: refused.length,
    },
  }
}

/** What is not settled is left out of what was listed, so that the next publication looks at it again. */
function* settledRows({ files, refused, withdrawn }: ProjectContent): Generator<SeenFile> {
  for (const file of files) if (isSettled(file)) yield file
  for (const file of refused) if (isSettled(file)) yield file
  yield* withdrawn
}

/** The names that the root pages list: projects that have files, or a status that their users must be told. */
export async function shownProjects(projects: Catalogue['projects'], read: (record: Digest) => Promise<ProjectRecord>): Promise<string[]> {
  const shown: string[] = []
  for (const [name, { files, record }] of Object.entries(projects)) {
    if (files > 0 || isShown(await read(record))) shown.push(name)
  }
  return shown.sort()
}

/** Whether a project has pages. */
export function isShown({ files, status }: Pick<ProjectRecord, 'files' | 'status'>): boolean {
  return files.length > 0 || status.status !== 'active'
}
