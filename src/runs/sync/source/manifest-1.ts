import { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import * as v from 'valibot'
import { checkShape, digestOf, Fault, isFault } from '../../../kit/index.ts'
import type { ObjectBody } from '../../../store/index.ts'
import { isListed } from '../../format/kinds.ts'
import { runFolder } from '../../format/place.ts'
import type { SourceFile, SourceRun } from '../plan/planner.ts'
import { readElements } from './elements.ts'
import { manifestKey, type Source } from './source.ts'

/** Bytes of a manifest, unpacked. */
const maxManifestBytes = 1 << 30

/** A manifest of format 1.0 as it was found. */
export interface FoundManifest {
  readonly name: string
  readonly type: 'full' | 'active'
  /** Changes whenever the file does. */
  readonly version: string
  readonly body: ObjectBody
}

/** What a manifest says of itself. */
export interface ManifestFacts {
  readonly revision: number
  /** Milliseconds since 1970. */
  readonly generated: number
  readonly snapshotId: string | undefined
}

const names = {
  full: ['full_manifest.json.gz', 'full_manifest.json'],
  active: ['active_manifest.json.gz', 'active_manifest.json', 'full_manifest.json.gz', 'full_manifest.json'],
} as const

/**
 * The manifest to go by. For active runs that is the active one, else the full one; for all runs only a full one, since an active
 * manifest says nothing of the others. Throws `not-found` where there is none.
 */
export async function findManifest({ store, signal }: Source, isActive: boolean): Promise<FoundManifest> {
  for (const name of names[isActive ? 'active' : 'full']) {
    try {
      const body = await store.get(manifestKey(name), { signal })
      return { name, type: name.startsWith('full') ? 'full' : 'active', version: `${name} ${body.info.etag}`, body }
    } catch (error) {
      if (!isFault(error, 'not-found')) throw error
    }
  }
  const at = `${store.name}/${manifestKey('')}`
  throw new Fault('not-found', `there is no ${isActive ? '' : 'full '}manifest`, {
    at,
    hint: 'run on the server: holdfast generate-manifest',
  })
}

/** Reads a manifest run by run. What it says of itself comes at the end, when all of it was read. */
export async function readManifest(
  source: Source,
  found: FoundManifest,
  take: (run: ManifestRun) => Promise<void>,
): Promise<ManifestFacts> {
  const at = `${source.store.name}/${manifestKey(found.name)}`
  const elements = readElements('experiments', at)
  let size = 0
  try {
    for await (const piece of plainBytes(found)) {
      size += piece.byteLength
      if (size > maxManifestBytes) throw new Fault('corrupt', `the manifest is larger than its limit of ${maxManifestBytes} bytes`, { at })
      for (const text of elements.push(piece)) await take(runOf(text, at))
    }
  } catch (error) {
    if (isFault(error)) throw error
    throw new Fault('corrupt', 'the manifest cannot be unpacked', { at, cause: error })
  }
  const facts = checkShape(header, elements.end(), at)
  return { revision: facts.revision, generated: facts.generated_at * 1000, snapshotId: facts.snapshot_id }
}

function plainBytes({ name, body }: FoundManifest): AsyncIterable<Uint8Array> {
  return name.endsWith('.gz') ? Readable.from(body).compose(createGunzip()) : body
}

const header = v.object({
  format_version: v.literal('1.0'),
  revision: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  generated_at: v.pipe(v.number(), v.finite()),
  snapshot_id: v.optional(v.string()),
  // Its elements were taken out: see `readElements`.
  experiments: v.array(v.literal(0)),
})

const fileShape = v.object({
  path: v.string(),
  size: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  mtime: v.pipe(v.number(), v.finite()),
  priority: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(0)), 0),
  is_append_only: v.optional(v.boolean(), false),
  tail_hash: v.nullish(v.string()),
})

const runShape = v.object({
  run_id: v.string(),
  project: v.string(),
  name: v.string(),
  status: v.nullish(v.string()),
  created_at: v.nullish(v.number()),
  updated_at: v.nullish(v.number()),
  files: v.array(fileShape),
})

export interface ManifestRun extends SourceRun {
  readonly status: string | undefined
  /** Milliseconds since 1970: the newest of what the manifest says and of its files. */
  readonly updated: number
  readonly created: number
  readonly fileCount: number
  readonly bytes: number
}

function runOf(text: string, at: string): ManifestRun {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new Fault('corrupt', 'it is not valid JSON', { at, cause: error })
  }
  const { run_id: runId, project, name, status, updated_at: updated, created_at: created, files } = checkShape(runShape, value, at)
  const folder = `${runFolder({ project, name, runId })}/`
  const list = files.map((file): SourceFile => ({
    // A path that is not below its run is refused by its name.
    path: file.path.startsWith(folder) ? file.path.slice(folder.length) : `../${file.path}`,
    size: file.size,
    modified: file.mtime * 1000,
    priority: file.priority,
    isAppended: file.is_append_only,
    tailHash: file.tail_hash ?? undefined,
  }))
  return {
    project,
    name,
    runId,
    mark: `1.0 ${digestOf(text)}`,
    status: status ?? undefined,
    created: (created ?? 0) * 1000,
    updated: Math.max((updated ?? 0) * 1000, ...newestOf(list)),
    fileCount: list.length,
    bytes: list.reduce((sum, { size }) => sum + size, 0),
    files: () => list,
    lists: isListed,
  }
}

function newestOf(files: readonly SourceFile[]): [number] {
  return [files.reduce((newest, { modified }) => Math.max(newest, modified), 0)]
}
