import { forEachBounded, isFault } from '../../kit/index.ts'
import { copy, type ObjectInfo } from '../../store/index.ts'
import type { IndexContext } from '../context.ts'
import { metadataEnd } from '../publish/layout.ts'
import type { LearntFile } from '../records/note.ts'
import { type Beside, fetchBeside, putBeside } from './beside.ts'
import { download } from './download.ts'
import type { Learnt } from './learnt.ts'
import { failureOf, isOpen, type MirrorFailure, type PlannedFile, type PlannedTarget } from './plan.ts'

/** What was moved. */
export interface Moved {
  /** Files that came from upstream, and their bytes. */
  downloads: number
  bytes: number
  /** Within the bucket. */
  copies: number
  /** METADATA and provenance files that were put beside them. */
  companions: number
}

export interface Bringing {
  readonly context: IndexContext
  readonly learnt: Learnt
  readonly moved: Moved
  readonly onFailure: (failure: MirrorFailure) => void
}

/** Copies of one file that are made at once. */
const width = 4

interface Source extends Pick<ObjectInfo, 'size' | 'etag'> {
  readonly key: string
  /** It came in this run, so that its headers are right; to name them again would cost a request for each copy. */
  readonly isFresh: boolean
}

/** Brings one file to where it is missing: from upstream once at most, then copied within the bucket; and what stands beside it. */
export async function bring(job: Bringing, file: PlannedFile, signal: AbortSignal): Promise<void> {
  const { context, onFailure } = job
  const targets = file.targets.filter(isOpen)
  if (targets.length === 0) return
  const source = await sourceOf(job, file, signal)
  if (source === undefined) return
  const { beside, failures } = await fetchBeside(file, signal)
  for (const failure of failures) onFailure(failure)
  await forEachBounded(
    targets,
    width,
    async (target, inner) => {
      try {
        const placed = await place(job, file, source, target, inner)
        await placeBeside(job, target, beside, inner)
        await job.learnt.add(learntOf(file, target, placed, beside), placed.size)
        context.report({ kind: 'advance', task: 'mirror', items: 1 })
      } catch (error) {
        // The source was replaced meanwhile, or the bucket gives other bytes than it took. All other trouble stops the run.
        if (!['precondition', 'not-found', 'corrupt'].some((code) => isFault(error, code as 'corrupt'))) throw error
        onFailure(failureOf(file.project, target.key, error))
      }
    },
    signal,
  )
}

/** Where it is copied from: where it stands, else the first place that it is missing from, once it has come there. */
async function sourceOf({ context, moved, onFailure }: Bringing, file: PlannedFile, signal: AbortSignal): Promise<Source | undefined> {
  const there = file.targets.find(({ state }) => state === 'stands')
  if (there !== undefined) return { ...there.standing!, key: there.key, isFresh: false }
  const { key } = file.targets.find(({ state }) => state === 'missing')!
  const downloaded = await download(context, file, key, signal)
  if ('failed' in downloaded) {
    onFailure(failureOf(file.project, file.file.name, downloaded.failed))
    return undefined
  }
  const { size, etag } = downloaded.info
  moved.downloads++
  moved.bytes += size
  return { key, size, etag, isFresh: true }
}

async function place(
  { context, moved }: Bringing,
  { file: { digest } }: PlannedFile,
  source: Source,
  { key, state, standing }: PlannedTarget,
  signal: AbortSignal,
): Promise<Pick<ObjectInfo, 'size' | 'etag'>> {
  if (state === 'stands') return standing!
  if (key === source.key) return source
  const { bucket, environment } = context
  const headers = source.isFresh ? {} : { contentType: 'application/octet-stream', cacheControl: environment.fileCache }
  const { size, etag } = source
  const { info } = await copy(bucket, source.key, bucket, key, { size, etag, digest, public: environment.isPublic, signal, ...headers })
  moved.copies++
  return info
}

async function placeBeside(
  { context, moved }: Bringing,
  target: PlannedTarget,
  beside: readonly Beside[],
  signal: AbortSignal,
): Promise<void> {
  for (const each of beside) {
    // METADATA that stands there is compared with the wheel's own by the next publication; provenance is known by nobody.
    if (each.end === metadataEnd && !target.lacksMetadata) continue
    await putBeside(context, target.key, each, signal)
    moved.companions++
  }
}

function learntOf(
  { file }: PlannedFile,
  { key }: PlannedTarget,
  { size, etag }: Pick<ObjectInfo, 'size' | 'etag'>,
  beside: readonly Beside[],
): LearntFile {
  const { digest, uploaded, requiresPython, yanked } = file
  const digestBeside = (isMetadata: boolean) => beside.find(({ end }) => (end === metadataEnd) === isMetadata)?.digest
  return { key, size, etag, digest, uploaded, requiresPython, yanked, metadata: digestBeside(true), provenance: digestBeside(false) }
}
