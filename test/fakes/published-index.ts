import { bytesOf } from '../../src/kit/index.ts'
import type { IndexContext } from '../../src/python-index/index.ts'
import { parseFileName } from '../../src/python-index/names/file-name.ts'
import { projectPages, rootPages } from '../../src/python-index/pages/page.ts'
import type { Catalogue } from '../../src/python-index/records/catalogue.ts'
import { listingDigest } from '../../src/python-index/records/listing.ts'
import type { ProjectRecord, PublishedFile } from '../../src/python-index/records/project.ts'
import { readProject } from '../../src/python-index/records/read.ts'
import { type IndexRef, indexRefs, type PrefixState, refNameOfBucket } from '../../src/python-index/records/state.ts'
import { encodeCatalogue, encodeProject, putRecords } from '../../src/python-index/records/write.ts'
import { moveRef } from '../../src/refs/index.ts'
import type { BuiltDistribution } from './distributions.ts'

export interface ShownDistribution extends BuiltDistribution {
  /** What its record says otherwise. */
  readonly facts?: Partial<PublishedFile>
}

export interface ShownPrefix {
  readonly distributions: readonly ShownDistribution[]
  /** Projects whose records say more than that they have files. */
  readonly projects?: Readonly<Record<string, Partial<ProjectRecord>>>
}

/** Puts distributions into the bucket with records, ref and view, as a publication would have; for tests of what comes after one. */
export async function showIndex(context: IndexContext, prefixes: Readonly<Record<string, ShownPrefix>>): Promise<IndexRef> {
  await context.prepareStore()
  const states: Record<string, PrefixState> = {}
  for (const [prefix, shown] of Object.entries(prefixes)) states[prefix] = await showPrefix(context, prefix, shown)
  const notes = Object.fromEntries(Object.entries(states).map(([prefix, { catalogue }]) => [prefix, catalogue]))
  const next = (current: IndexRef | undefined) => ({
    state: { bucket: context.environment.bucket, prefixes: { ...current?.state.prefixes, ...states } },
    action: 'publish',
    note: { prefixes: notes },
  })
  return (await moveRef(context, indexRefs, refNameOfBucket(context.environment.bucket), next, { onLost: 'fail' })).after
}

async function showPrefix(context: IndexContext, prefix: string, { distributions, projects = {} }: ShownPrefix): Promise<PrefixState> {
  const files = new Map<string, PublishedFile[]>(Object.keys(projects).map((name) => [name, []]))
  for (const distribution of distributions) {
    const { name, file } = await put(context, prefix, distribution)
    files.set(name, [...(files.get(name) ?? []), file])
  }
  const entries: Record<string, Catalogue['projects'][string]> = {}
  for (const [name, own] of files) {
    const record: ProjectRecord = {
      format: 'holdfast-index-project/1',
      name,
      status: { status: 'active' },
      files: own,
      refused: [],
      withdrawn: [],
      metadata: {},
      reaches: [],
      ...projects[name],
    }
    const encoded = encodeProject(record)
    await putRecords(context, [encoded])
    const bytes = own.reduce((sum, { size }) => sum + size, 0)
    entries[name] = { record: encoded.digest, listed: listingDigest(own), files: own.length, bytes, refused: 0 }
    await putPages(context, projectPages(prefix, await readProject(context, encoded.digest), context.environment))
  }
  await putPages(context, rootPages(prefix, [...files.keys()]))
  const catalogue = encodeCatalogue(entries)
  await putRecords(context, [catalogue])
  const sum = (of: (entry: Catalogue['projects'][string]) => number) =>
    Object.values(entries).reduce((total, entry) => total + of(entry), 0)
  const totals = { projects: files.size, files: sum((entry) => entry.files), bytes: sum((entry) => entry.bytes), refused: 0 }
  return { catalogue: catalogue.digest, ...totals, kept: [{ generation: 1, catalogue: catalogue.digest }] }
}

async function put(
  { bucket, environment }: IndexContext,
  prefix: string,
  { file, bytes, digest, metadata, metadataDigest, facts }: ShownDistribution,
): Promise<{ name: string; file: PublishedFile }> {
  const parsed = parseFileName(file)
  if (parsed.kind !== 'wheel' && parsed.kind !== 'sdist') throw new Error(`${file} is no distribution`)
  const cacheControl = environment.fileCache
  const info = await bucket.put(`${prefix}/${file}`, bytesOf(bytes), { contentType: 'application/octet-stream', cacheControl })
  if (parsed.kind === 'wheel') {
    await bucket.put(`${prefix}/${file}.metadata`, bytesOf(metadata), { contentType: 'text/plain; charset=utf-8', cacheControl })
  }
  const published: PublishedFile = {
    kind: parsed.kind,
    name: file,
    version: parsed.version,
    size: info.size,
    etag: info.etag,
    uploaded: '2025-01-07T14:30:00Z',
    digest,
    ...(parsed.kind === 'wheel' ? { metadata: metadataDigest } : {}),
    ...facts,
  }
  return { name: parsed.name, file: published }
}

async function putPages({ bucket, environment }: IndexContext, pages: ReturnType<typeof rootPages>): Promise<void> {
  for (const { key, bytes, contentType } of pages) {
    await bucket.put(key, bytesOf(bytes), { contentType, cacheControl: environment.pageCache })
  }
}
