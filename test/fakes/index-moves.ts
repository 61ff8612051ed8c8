/** Two indexes of one bucket: what is tested, and what people install. */
import { bytesOf } from '../../src/kit/index.ts'
import { type IndexContext, publish, readCatalogue, readIndex, readProject, type ProjectRecord } from '../../src/python-index/index.ts'
import { type BuiltDistribution, buildSdist, buildWheel } from './distributions.ts'

export const staging = 'v2-staging/gfx94X-dcgpu'
export const release = 'v2/gfx94X-dcgpu'
export const bothIndexes = [staging, release]

/** Wheels and sources by what tests call them. */
export const built = {
  torch1: buildWheel({ name: 'torch', version: '2.6.0+rocm7.0', requires: ['filelock'], requiresPython: '>=3.9', size: 4000 }),
  torch1b: buildWheel({ name: 'torch', version: '2.6.0+rocm7.0', tags: 'cp312-cp312-manylinux_2_28_x86_64', size: 3000 }),
  torch1Other: buildWheel({
    name: 'torch',
    version: '2.6.0+rocm7.0',
    requires: ['filelock'],
    requiresPython: '>=3.9',
    size: 4000,
    seed: 1,
  }),
  torch2: buildWheel({ name: 'torch', version: '2.7.0', size: 2000 }),
  torch3: buildWheel({ name: 'torch', version: '2.8.0', size: 1000 }),
  rocm1: buildWheel({ name: 'rocm', version: '7.0.0' }),
  rocm2: buildWheel({ name: 'rocm', version: '7.1.0' }),
  source: buildSdist({ name: 'triton', version: '3.2.0' }),
} satisfies Record<string, BuiltDistribution>

export async function putFiles(
  { bucket }: Pick<IndexContext, 'bucket'>,
  prefix: string,
  files: readonly BuiltDistribution[],
): Promise<void> {
  for (const { file, bytes } of files) await bucket.put(`${prefix}/${file}`, bytesOf(bytes))
}

/** Puts files and publishes them. */
export async function publishFiles(context: IndexContext, prefix: string, files: readonly BuiltDistribution[]): Promise<number> {
  await putFiles(context, prefix, files)
  return (await publish(context, { prefixes: [prefix] })).generation!
}

/** What stands in the records of a prefix, by project. */
export async function recordsOf(context: IndexContext, prefix: string): Promise<Record<string, ProjectRecord>> {
  const state = (await readIndex(context))?.state.prefixes[prefix]
  if (state === undefined) return {}
  const { projects } = await readCatalogue(context, state.catalogue)
  const records: Record<string, ProjectRecord> = {}
  for (const [name, { record }] of Object.entries(projects)) records[name] = await readProject(context, record)
  return records
}

/** Names of all files that a prefix publishes, in order. */
export async function publishedIn(context: IndexContext, prefix: string): Promise<string[]> {
  return Object.values(await recordsOf(context, prefix)).flatMap(({ files }) => files.map(({ name }) => name))
}
