import * as v from 'valibot'
import type { Digest, Shape } from '../kit/index.ts'
import { digestShape, type Reach, type Ref, type RefKind } from '../refs/index.ts'
import { contentDigest, fileShape, type Release, type ReleaseFile, type SourceCommit, sourceShape } from './record.ts'

/** What the ref itself tells of a release, so that a list needs no second request. */
export interface ReleaseSummary {
  readonly variantLabel: string
  readonly created: string
  readonly by: string
  readonly message?: string | undefined
  readonly sources: Readonly<Record<string, SourceCommit>>
  /** Equal for releases of the same content. */
  readonly content: Digest
  readonly size: number
  readonly fileCount: number
  /** Left out where there are more than `inlineFiles`; the release's own record has them. */
  readonly files?: readonly ReleaseFile[] | undefined
}

export const inlineFiles = 16

/** A release that left a channel. It stays until it is pruned. */
export interface Archived {
  /** `YYYYMMDD_HHMMSS`, UTC, when it was archived; unique within the variant. */
  readonly at: string
  readonly release: Digest
  readonly why: 'rotated' | 'rolled-back' | 'replaced'
}

/** The state of one variant: one ref, so that a rotation is one conditional write. */
export interface VariantState {
  readonly channels: Readonly<Record<string, Digest>>
  /** Oldest first. */
  readonly archives: readonly Archived[]
  /** The summary of every release that a channel or an archive names. */
  readonly releases: Readonly<Record<Digest, ReleaseSummary>>
  /** Times of archives that were pruned, so that every view can drop just these. */
  readonly pruned: readonly string[]
  /** Files of releases that were pruned, newest last, `keptPrunedFiles` at most: a copy that a command left behind is known by them. */
  readonly prunedFiles: readonly PrunedFile[]
}

export type PrunedFile = Pick<ReleaseFile, 'path' | 'size' | 'digest'>

export const keptPrunedFiles = 256

/** Beside each move: where the channels point after it, for as-of and rollback. */
export interface MoveNote {
  readonly channels: Readonly<Record<string, Digest>>
}

export type VariantRef = Ref<VariantState, MoveNote>

export const emptyState: VariantState = { channels: {}, archives: [], releases: {}, pruned: [], prunedFiles: [] }

/** Channels that hold a release or once did: in their folders, and in no others, views have written. */
export function channelsEver(ref: VariantRef): Set<string> {
  return new Set(ref.history.flatMap((move) => Object.keys(move.note.channels)))
}

const channelsShape = v.record(v.string(), digestShape)

const summaryShape = v.object({
  variantLabel: v.string(),
  created: v.string(),
  by: v.string(),
  message: v.optional(v.string()),
  sources: v.record(v.string(), sourceShape),
  content: digestShape,
  size: v.number(),
  fileCount: v.number(),
  files: v.optional(v.array(fileShape)),
})

const stateShape = v.object({
  channels: channelsShape,
  archives: v.array(
    v.object({
      at: v.pipe(v.string(), v.regex(/^\d{8}_\d{6}$/)),
      release: digestShape,
      why: v.picklist(['rotated', 'rolled-back', 'replaced']),
    }),
  ),
  releases: v.record(v.string(), summaryShape),
  pruned: v.array(v.string()),
  prunedFiles: v.optional(v.array(v.object({ path: v.string(), size: v.number(), digest: digestShape })), []),
})

export const releaseRefs: RefKind<VariantState, MoveNote> = {
  group: 'releases',
  state: stateShape as unknown as Shape<VariantState>,
  note: v.object({ channels: channelsShape }) as unknown as Shape<MoveNote>,
  reaches: (state) => (Object.keys(state.releases) as Digest[]).sort().map((digest): Reach => ({ kind: 'snapshot', digest })),
}

export function summarise(release: Release): ReleaseSummary {
  return {
    variantLabel: release.variantLabel,
    created: release.created,
    by: release.by,
    ...(release.message === undefined ? {} : { message: release.message }),
    sources: release.sources,
    content: contentDigest(release.files),
    size: release.files.reduce((sum, file) => sum + file.size, 0),
    fileCount: release.files.length,
    ...(release.files.length > inlineFiles ? {} : { files: release.files }),
  }
}
