import { type Digest, Fault, isFault, type Shape } from '../../kit/index.ts'
import { readSnapshotRecord, snapshotKey } from '../../chunks/index.ts'
import { readRef } from '../../refs/index.ts'
import type { IndexContext } from '../context.ts'
import { type Catalogue, catalogueFormat, catalogueShape } from './catalogue.ts'
import { projectFormat, type ProjectRecord, projectShape } from './project.ts'
import { type IndexRef, indexRefs, refNameOfBucket } from './state.ts'

type Reading = Pick<IndexContext, 'store' | 'signal'>

/** What the environment publishes. Undefined before its first publication. One request. */
export async function readIndex(context: Reading & Pick<IndexContext, 'environment'>): Promise<IndexRef | undefined> {
  const found = await readRef(context.store, indexRefs, refNameOfBucket(context.environment.bucket), { signal: context.signal })
  return found?.ref
}

/** Throws `corrupt` where it is missing, damaged, or does not reach its own projects. One request. */
export async function readCatalogue(context: Reading, digest: Digest): Promise<Catalogue> {
  const catalogue = await readRecord(context, digest, catalogueShape, catalogueFormat)
  const reached = new Set(catalogue.reaches.map((reach) => reach.digest))
  if (!Object.values(catalogue.projects).every(({ record }) => reached.has(record)))
    throw new Fault('corrupt', 'the catalogue does not reach its own projects', { at: `${context.store.name}/${snapshotKey(digest)}` })
  return catalogue
}

/** Throws `corrupt` where it is missing or damaged. One request. */
export async function readProject(context: Reading, digest: Digest): Promise<ProjectRecord> {
  return await readRecord(context, digest, projectShape, projectFormat)
}

async function readRecord<T extends { readonly format: string }>(
  { store, signal }: Reading,
  digest: Digest,
  shape: Shape<T>,
  format: T['format'],
): Promise<T> {
  try {
    return await readSnapshotRecord(store, digest, shape, format, { signal })
  } catch (error) {
    if (!isFault(error, 'not-found')) throw error
    throw new Fault('corrupt', 'a record that the index refers to is missing', {
      at: `${store.name}/${snapshotKey(digest)}`,
      hint: 'run: holdfast store verify',
      cause: error,
    })
  }
}
