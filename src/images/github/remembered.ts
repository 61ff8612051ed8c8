import path from 'node:path'
import * as v from 'valibot'
import { canonicalJson, digestOf, hexOf, isFault, parseJson, readSmallFile, replaceFile, type Shape } from '../../kit/index.ts'
import type { MetadataKeys, RunMetadata } from '../settings.ts'
import type { WorkflowRun } from './shapes.ts'

/** What GitHub said, kept in a folder that may be deleted. What does not fit there is as good as absent. */
export interface Remembered {
  /** A page of runs and the ETag that it came with. */
  page(query: string): Promise<RememberedPage | undefined>
  keepPage(query: string, page: RememberedPage): Promise<void>
  /** What was read in the log of a finished run, which never changes: metadata, or that it has none. */
  metadata(run: WorkflowRun): Promise<{ readonly metadata: RunMetadata | undefined } | undefined>
  keepMetadata(run: WorkflowRun, metadata: RunMetadata | undefined): Promise<void>
  /** The name of the job whose log had the last block. */
  jobName(): Promise<string | undefined>
  keepJobName(name: string): Promise<void>
}

export interface RememberedPage {
  readonly etag: string
  readonly runs: readonly WorkflowRun[]
}

const text = v.string()
const run = v.object({
  id: v.number(),
  number: v.number(),
  attempt: v.number(),
  branch: text,
  commit: text,
  status: text,
  conclusion: v.optional(text),
  title: text,
  actor: v.optional(text),
  createdAt: v.number(),
  url: text,
})
const pageShape = v.object({ format: v.literal(1), query: text, etag: text, runs: v.array(run) }) as unknown as Shape<
  RememberedPage & { readonly query: string }
>
const metadataShape = v.object({
  format: v.literal(1),
  reads: text,
  metadata: v.nullable(v.object({ tag: text, fields: v.record(text, text) })),
}) as unknown as Shape<{ readonly reads: string; readonly metadata: RunMetadata | null }>
const jobShape = v.object({ format: v.literal(1), job: text }) as unknown as Shape<{ readonly job: string }>

/** `place` tells servers, repositories and workflows apart. `keys` are what logs are read for: with others they are read again. */
export function rememberedIn(cacheDir: string, place: readonly string[], keys: MetadataKeys): Remembered {
  const folder = path.join(cacheDir, 'github', shortHash(canonicalJson(place)))
  const reads = shortHash(canonicalJson(keys))
  const pageFile = (query: string) => path.join(folder, `runs-${shortHash(query)}.json`)
  const runFile = ({ id, attempt }: WorkflowRun) => path.join(folder, 'metadata', `${id}-${attempt}.json`)
  const jobFile = path.join(folder, 'job.json')
  return {
    async page(query) {
      const page = await readKept(pageShape, pageFile(query))
      return page?.query === query ? page : undefined
    },
    keepPage: (query, { etag, runs }) => keep(pageFile(query), { format: 1, query, etag, runs }),
    async metadata(one) {
      const kept = await readKept(metadataShape, runFile(one))
      return kept?.reads === reads ? { metadata: kept.metadata ?? undefined } : undefined
    },
    keepMetadata: (one, metadata) => keep(runFile(one), { format: 1, reads, metadata: metadata ?? null }),
    jobName: async () => (await readKept(jobShape, jobFile))?.job,
    keepJobName: (job) => keep(jobFile, { format: 1, job }),
  }
}

async function readKept<T>(shape: Shape<T>, file: string): Promise<T | undefined> {
  try {
    const content = await readSmallFile(file)
    return content === undefined ? undefined : parseJson(shape, content, file)
  } catch (error) {
    // Written by another version, or damaged: it is made anew.
    if (isFault(error, 'corrupt') || isFault(error, 'invalid')) return undefined
    throw error
  }
}

async function keep(file: string, content: unknown): Promise<void> {
  // In the order that the block has.
  await replaceFile(file, `${JSON.stringify(content)}\n`)
}

function shortHash(content: string): string {
  return hexOf(digestOf(content)).slice(0, 16)
}
