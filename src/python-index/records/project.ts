import * as v from 'valibot'
import type { Digest, Shape } from '../../kit/index.ts'
import { digestShape, type Reach, reachShape } from '../../refs/index.ts'

/** One project of one prefix: an immutable record. */
export interface ProjectRecord {
  readonly format: typeof projectFormat
  /** Normalised (PEP 503). */
  readonly name: string
  readonly status: ProjectStatus
  /** By version, oldest first, then by name. */
  readonly files: readonly PublishedFile[]
  /** In the bucket, and not published since something is wrong with them; by name. */
  readonly refused: readonly RefusedFile[]
  /** In the bucket, and not published since a roll-back or an archiving took them off; by name. */
  readonly withdrawn: readonly WithdrawnFile[]
  /** What METADATA files say that resolvers need, by the digest of the file. */
  readonly metadata: Readonly<Record<Digest, Requirements>>
  readonly reaches: readonly Reach[]
}

/** PEP 792. */
export interface ProjectStatus {
  readonly status: 'active' | 'archived' | 'quarantined' | 'deprecated'
  readonly reason?: string | undefined
}

/** One object of the bucket, as it was looked at. */
export interface SeenFile {
  /** The file's name; its key is `<prefix>/<name>`. */
  readonly name: string
  readonly size: number
  readonly etag: string
}

export interface PublishedFile extends SeenFile {
  readonly kind: 'wheel' | 'sdist'
  /** Normalised (PEP 440). */
  readonly version: string
  /** When it came into the bucket first: ISO 8601, UTC, whole seconds. */
  readonly uploaded: string
  /** Undefined where it is not known without reading the file, and that was forbidden. */
  readonly digest?: Digest | undefined
  readonly requiresPython?: string | undefined
  /** Why it is yanked; empty without a reason (PEP 592). */
  readonly yanked?: string | undefined
  /** Of the wheel's METADATA, which stands beside it as `<name>.metadata` (PEP 658, 714). */
  readonly metadata?: Digest | undefined
  /** Of its provenance, which stands beside it as `<name>.provenance` (PEP 740). */
  readonly provenance?: Digest | undefined
}

export interface RefusedFile extends SeenFile {
  /** What is wrong, for people. */
  readonly reason: string
}

export interface WithdrawnFile extends PublishedFile {
  /** `deleting`: it is archived, and an archiving deletes it from here; nothing takes it back. */
  readonly why: 'rolled-back' | 'archived' | 'deleting'
  /** ISO 8601, UTC. */
  readonly since: string
}

export interface Requirements {
  /** `Requires-Dist`, as written (PEP 508). */
  readonly requires: readonly string[]
  /** `Provides-Extra`, normalised. */
  readonly extras: readonly string[]
}

export const projectFormat = 'holdfast-index-project/1'

const seen = { name: v.string(), size: v.number(), etag: v.string() }
const published = {
  ...seen,
  kind: v.picklist(['wheel', 'sdist']),
  version: v.string(),
  uploaded: v.string(),
  digest: v.optional(digestShape),
  requiresPython: v.optional(v.string()),
  yanked: v.optional(v.string()),
  metadata: v.optional(digestShape),
  provenance: v.optional(digestShape),
}

export const projectShape = v.object({
  format: v.literal(projectFormat),
  name: v.string(),
  status: v.object({
    status: v.picklist(['active', 'archived', 'quarantined', 'deprecated']),
    reason: v.optional(v.string()),
  }),
  files: v.array(v.object(published)),
  refused: v.array(v.object({ ...seen, reason: v.string() })),
  withdrawn: v.array(v.object({ ...published, why: v.picklist(['rolled-back', 'archived', 'deleting']), since: v.string() })),
  metadata: v.record(v.string(), v.object({ requires: v.array(v.string()), extras: v.array(v.string()) })),
  reaches: v.array(reachShape),
}) as unknown as Shape<ProjectRecord>
