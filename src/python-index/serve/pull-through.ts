import { type Digest, digestOf, Fault, hasher, isFault } from '../../kit/index.ts'
import type { IndexContext } from '../context.ts'
import { bring } from '../mirror/bring.ts'
import { createLearnt } from '../mirror/learnt.ts'
import type { MirrorFailure } from '../mirror/plan.ts'
import { keyIn, metadataEnd } from '../publish/layout.ts'
import { allowing } from '../publish/scan.ts'
import { projectFormat, type ProjectRecord, type PublishedFile } from '../records/project.ts'
import type { IndexRef } from '../records/state.ts'
import { compareVersions } from '../names/version.ts'
import type { Upstream } from '../upstream/upstream.ts'
import type { UpstreamFile, UpstreamProject } from '../upstream/project.ts'
import { createBoundedCache } from './bounded-cache.ts'
import type { ServedFile } from './files.ts'
import type { ReadThrough } from './read-through.ts'

/** What the index lacks, from another one. */
export interface PullThrough {
  /**
   * Undefined where the upstream has no such project, the environment does not allow it, or any prefix has it: a project that is ours is
   * never completed by somebody else's of that name.
   */
  project(ref: IndexRef | undefined, name: string): Promise<PulledProject | undefined>
  /** The file in the bucket: from there, else from upstream, and whole; asked for at once by several it is fetched once. */
  file(prefix: string, project: PulledProject, file: PullableFile): Promise<ServedFile>
  /** The METADATA of a wheel, proven to be what the upstream's page promises. */
  metadata(file: PullableFile, signal: AbortSignal): Promise<Uint8Array>
}

/** A file that can be proven. */
export type PullableFile = UpstreamFile & { readonly digest: Digest }

export interface PulledProject {
  readonly record: ProjectRecord
  /** Size and time are known of every file; the JSON form cannot do without them. */
  readonly tellsAll: boolean
  readonly files: ReadonlyMap<string, PullableFile>
}

/** Files that were pulled and are remembered, so that the bucket is not asked what they are. */
const maxRemembered = 20_000
const maxMetadata = 16 << 20
/** Projects of the upstream that are remembered, and for how many milliseconds it is not asked again: a resolver asks for page, METADATA and file. */
const maxProjects = 500
const freshFor = 60_000

export function createPullThrough(context: IndexContext, upstream: Upstream, readThrough: ReadThrough): PullThrough {
  const isAllowed = allowing(context)
  const files = createBoundedCache<ServedFile>(maxRemembered, () => 1)
  const ask = rememberProjects(context, upstream)
  return {
    async project(ref, name) {
      if (!isAllowed(name) || (await isOurs(readThrough, ref, name))) return undefined
      return await ask(name)
    },
    file: (prefix, { record }, file) =>
      files.get(`${keyIn(prefix, file.name)} ${file.digest}`, () => fetchFile(context, upstream, prefix, record.name, file)),
    async metadata(file, signal) {
      const url = new URL(file.url)
      url.pathname += metadataEnd
      const bytes = await upstream.read(url.href, maxMetadata, { signal })
      if (digestOf(bytes) === file.metadata) return bytes
      throw new Fault('corrupt', `the METADATA of ${file.name} is not what the upstream promises`, { at: url.href })
    },
  }
}

function rememberProjects({ clock }: IndexContext, upstream: Upstream): (name: string) => Promise<PulledProject | undefined> {
  const known = new Map<string, { readonly at: number; readonly project: Promise<PulledProject | undefined> }>()
  return async (name) => {
    const last = known.get(name)
    const age = last === undefined ? Infinity : clock.now() - last.at
    if (last !== undefined && age >= 0 && age < freshFor) return await last.project
    const project = upstream.project(name).then((found) => found && pulledProject(found))
    const entry = { at: clock.now(), project }
    known.delete(name)
    known.set(name, entry)
    if (known.size > maxProjects) known.delete(known.keys().next().value!)
    // Trouble is not remembered.
    project.catch(() => void (known.get(name) === entry && known.delete(name)))
    return await project
  }
}

async function isOurs(readThrough: ReadThrough, ref: IndexRef | undefined, name: string): Promise<boolean> {
  for (const { catalogue } of Object.values(ref?.state.prefixes ?? {})) {
    if (Object.hasOwn((await readThrough.catalogue(catalogue)).projects, name)) return true
  }
  return false
}

function pulledProject({ name, status, files }: UpstreamProject): PulledProject {
  const provable = files.filter((file): file is PullableFile => file.digest !== undefined)
  const record: ProjectRecord = {
    format: projectFormat,
    name,
    status,
    files: provable.map(publishedFile).sort((a, b) => compareVersions(a.version, b.version) || (a.name < b.name ? -1 : 1)),
    refused: [],
    withdrawn: [],
    metadata: {},
    reaches: [],
  }
  const offered = status.status === 'quarantined' ? [] : provable
  return {
    record,
    tellsAll: provable.every(({ size, uploaded }) => size !== undefined && uploaded !== undefined),
    files: new Map(offered.map((file) => [file.name, file])),
  }
}

function publishedFile({ name, means, digest, size, uploaded, requiresPython, yanked, metadata }: PullableFile): PublishedFile {
  return {
    kind: means.kind,
    version: means.version,
    name,
    size: size ?? 0,
    etag: '',
    uploaded: uploaded ?? '',
    digest,
    requiresPython,
    yanked,
    metadata,
  }
}

/** Ends with the context's signal, not with a client: what one gave up waiting for, the next one finds. */
async function fetchFile(given: IndexContext, from: Upstream, prefix: string, project: string, file: PullableFile): Promise<ServedFile> {
  const { bucket, signal = new AbortController().signal } = given
  const key = keyIn(prefix, file.name)
  const found = await standing(given, key, file, signal)
  if (found === undefined) {
    // The work of a mirror for one file. Its progress is nobody's command here.
    const context = {
      ...given,
      report: (event: Parameters<IndexContext['report']>[0]) => void (event.kind === 'note' && given.report(event)),
    }
    await context.prepareStore()
    const failures: MirrorFailure[] = []
    const learnt = createLearnt(context)
    const target = { index: prefix, key, state: 'missing', lacksMetadata: true, lacksProvenance: true } as const
    const moved = { downloads: 0, bytes: 0, copies: 0, companions: 0 }
    await bring(
      { context, learnt, moved, onFailure: (failure) => failures.push(failure) },
      { project, file, from, indexes: [prefix], targets: [target] },
      signal,
    )
    await learnt.keep()
    for (const { code, reason, what } of failures) if (what === file.name || what === key) throw new Fault(code, `${what}: ${reason}`)
  }
  const info = found ?? (await bucket.head(key, { signal }))
  if (info === undefined) throw new Fault('unavailable', `${key} went while it was fetched`, { at: `${bucket.name}/${key}` })
  const { name, digest, uploaded } = file
  return { name, size: info.size, etag: info.etag, digest, uploaded: uploaded ?? new Date(info.modified).toISOString() }
}

/** What stands there already and is the same; read once, where the place does not tell its digest. Other bytes are never replaced. */
async function standing(
  { bucket }: IndexContext,
  key: string,
  { digest }: PullableFile,
  signal: AbortSignal,
): Promise<{ size: number; etag: string; modified: number } | undefined> {
  const info = await bucket.head(key, { signal })
  if (info === undefined) return undefined
  const actual = info.digest ?? (await digestIn(bucket, key, info.etag, signal))
  if (actual === digest) return info
  throw new Fault('already-exists', `other bytes stand under this name: ${actual}; the upstream has ${digest}`, {
    at: `${bucket.name}/${key}`,
  })
}

async function digestIn(bucket: IndexContext['bucket'], key: string, etag: string, signal: AbortSignal): Promise<Digest> {
  try {
    const state = hasher()
    for await (const piece of await bucket.get(key, { etag, signal })) state.update(piece)
    return state.digest()
  } catch (error) {
    throw isFault(error, 'not-found')
      ? new Fault('precondition', `${key} went while it was read`, { at: `${bucket.name}/${key}`, cause: error })
      : error
  }
}
