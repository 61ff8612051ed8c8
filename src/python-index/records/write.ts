import { type Digest, digestOf, compareKeys } from '../../kit/index.ts'
import { encodeSnapshotRecord, putSnapshotRecords } from '../../chunks/index.ts'
import type { Reach } from '../../refs/index.ts'
import type { IndexContext } from '../context.ts'
import { compareVersions } from '../names/version.ts'
import { type Catalogue, catalogueFormat } from './catalogue.ts'
import { projectFormat, type ProjectRecord, type PublishedFile } from './project.ts'

/** A record as it is stored: the same content has the same bytes and so the same digest, in whatever order it was given. */
export interface EncodedRecord {
  readonly digest: Digest
  readonly bytes: Uint8Array
}

export type ProjectContent = Omit<ProjectRecord, 'format' | 'reaches'>

/** Pure. Files are put in order; of `metadata` only what a file names is kept. */
export function encodeProject(project: ProjectContent): EncodedRecord {
  const { name, status, files, refused, withdrawn } = project
  const named = new Set([...files, ...withdrawn].map((file) => file.metadata))
  const metadata = Object.entries(project.metadata).filter(([digest]) => named.has(digest as Digest))
  const record: ProjectRecord = {
    format: projectFormat,
    name,
    status,
    files: byVersion(files),
    refused: refused.toSorted(byName),
    withdrawn: withdrawn.toSorted(byName),
    metadata: Object.fromEntries(metadata),
    reaches: [],
  }
  return encode(record)
}

/** Pure. By normalised name. */
export function encodeCatalogue(projects: Catalogue['projects']): EncodedRecord {
  const records = new Set(Object.values(projects).map(({ record }) => record))
  const reaches = [...records].sort().map((digest): Reach => ({ kind: 'snapshot', digest }))
  const catalogue: Catalogue = { format: catalogueFormat, projects, reaches }
  return encode(catalogue)
}

/**
 * Writes records before a ref moves to them; they are safe from a prune for a grace period from now, also where the same were condemned
 * before. One request each and one list, so many are better put at once. Throws `busy` while a prune is deleting one.
 */
export async function putRecords(
  { store, clock, signal }: Pick<IndexContext, 'store' | 'clock' | 'signal'>,
  records: Iterable<EncodedRecord>,
): Promise<void> {
  const bytes = new Map(Array.from(records, (record) => [record.digest, record.bytes]))
  await putSnapshotRecords(store, bytes, { now: clock.now(), signal })
}

function encode(record: { readonly format: string }): EncodedRecord {
  const bytes = encodeSnapshotRecord(record)
  return { digest: digestOf(bytes), bytes }
}

/** Each version is compared once, however many files it has. */
function byVersion(files: readonly PublishedFile[]): PublishedFile[] {
  const ranks = new Map<string, number>()
  let last: string | undefined
  for (const version of [...new Set(files.map((file) => file.version))].sort(compareVersions)) {
    // 1.0 and 1.0.0 are one.
    ranks.set(version, last !== undefined && compareVersions(last, version) === 0 ? ranks.get(last)! : ranks.size)
    last = version
  }
  return files.toSorted((a, b) => ranks.get(a.version)! - ranks.get(b.version)! || byName(a, b))
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return compareKeys(a.name, b.name)
}
