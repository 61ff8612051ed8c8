import type { IndexBase } from '../publish/change.ts'
import { keyIn } from '../publish/layout.ts'
import type { PublishedFile } from '../records/project.ts'
import { readProjectOf } from './plan-move.ts'

const folder = 'archives'

/** Where a prefix's versions of a month go (`2025-01`): an index of its own. */
export function archivePrefix(prefix: string, month: string): string {
  return `${archivesOf(prefix)}${month}`
}

export function isArchive(prefix: string): boolean {
  return prefix === folder || prefix.startsWith(`${folder}/`)
}

/** The archives of a prefix, oldest first. */
export function archivesIn({ ref }: IndexBase, prefix: string): string[] {
  const start = archivesOf(prefix)
  const isMonth = (each: string) => each.startsWith(start) && /^\d{4}-\d{2}$/.test(each.slice(start.length))
  return Object.keys(ref?.state.prefixes ?? {})
    .filter(isMonth)
    .sort()
}

function archivesOf(prefix: string): string {
  return prefix === '' ? `${folder}/` : `${folder}/${prefix}/`
}

/** A file in an archive. */
export interface Archived {
  /** The archive. */
  readonly from: string
  readonly project: string
  /** As it stands there. */
  readonly file: PublishedFile
  /** As it was in the prefix that it came from. */
  readonly was: PublishedFile
}

/** Where the archives of a prefix publish these very bytes; the newest that does. */
export async function findArchived(base: IndexBase, prefix: string, project: string, file: PublishedFile): Promise<Archived | undefined> {
  for (const from of archivesIn(base, prefix).toReversed()) {
    const record = await readProjectOf(base.outbox, await base.projects(from), project)
    const found = record?.files.find(({ name, digest }) => name === file.name && digest !== undefined && digest === file.digest)
    if (found !== undefined) return { from, project, file: found, was: file }
  }
  return undefined
}

/** The object of an archived file. */
export function keyOf({ from, file }: Archived): string {
  return keyIn(from, file.name)
}
