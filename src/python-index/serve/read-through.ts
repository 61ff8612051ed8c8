import type { Digest } from '../../kit/index.ts'
import { readRef, refKey } from '../../refs/index.ts'
import type { IndexContext } from '../context.ts'
import type { Catalogue, CataloguedProject } from '../records/catalogue.ts'
import type { ProjectRecord, PublishedFile } from '../records/project.ts'
import { readCatalogue, readProject } from '../records/read.ts'
import { type IndexRef, indexRefs, refNameOfBucket } from '../records/state.ts'
import { createBoundedCache } from './bounded-cache.ts'

/** What is published, read from the store and kept as long as it is the same. */
export interface ReadThrough {
  /** The ref, looked at again when the last look is older than `freshFor`: one request, and a second one where it moved. */
  index(): Promise<IndexRef | undefined>
  catalogue(digest: Digest): Promise<Catalogue>
  project(entry: CataloguedProject): Promise<ServedProject>
}

export interface ServedProject {
  readonly record: ProjectRecord
  /** By name: what is published, and what was taken off the pages and may still be named by somebody's lock file. */
  readonly files: ReadonlyMap<string, PublishedFile>
}

/** Files in the project records that are kept in memory, about half a kilobyte each. */
const maxFilesKept = 50_000
/** Projects in the catalogues that are kept in memory. */
const maxProjectsKept = 100_000

export function createReadThrough(context: IndexContext, freshFor: number): ReadThrough {
  const catalogues = createBoundedCache<Catalogue>(maxProjectsKept, ({ projects }) => 1 + Object.keys(projects).length)
  const projects = createBoundedCache<ServedProject>(
    maxFilesKept,
    ({ record }) => 1 + record.files.length + record.refused.length + record.withdrawn.length,
  )
  return {
    index: lookAtRef(context, freshFor),
    catalogue: (digest) => catalogues.get(digest, () => readCatalogue(context, digest)),
    project: ({ record: digest }) =>
      projects.get(digest, async () => {
        const record = await readProject(context, digest)
        const files = [...record.withdrawn, ...record.files].map((file): [string, PublishedFile] => [file.name, file])
        return { record, files: new Map(files) }
      }),
  }
}

function lookAtRef(context: IndexContext, freshFor: number): () => Promise<IndexRef | undefined> {
  const { store, clock, signal } = context
  const name = refNameOfBucket(context.environment.bucket)
  let last: { readonly at: number; readonly etag: string | undefined; readonly ref: IndexRef | undefined } | undefined
  let looking: Promise<IndexRef | undefined> | undefined
  const look = async () => {
    const at = clock.now()
    const now = last?.etag === undefined ? undefined : await store.head(refKey(indexRefs, name), { signal })
    if (last !== undefined && now !== undefined && now.etag === last.etag) last = { ...last, at }
    else {
      const found = await readRef(store, indexRefs, name, { signal })
      last = { at, etag: found?.etag, ref: found?.ref }
    }
    return last.ref
  }
  return async () => {
    const age = last === undefined ? Infinity : clock.now() - last.at
    // A clock that was set back makes nothing fresh.
    if (last !== undefined && age >= 0 && age < freshFor) return last.ref
    looking ??= look().finally(() => (looking = undefined))
    return await looking
  }
}
