import * as v from 'valibot'
import type { Digest, Shape } from '../../kit/index.ts'
import { digestShape } from '../../refs/index.ts'

/**
 * What a mirror knows of files that it put into the bucket, left in the store for the next publication, which uses
 * what still has its etag and removes the note. A note that is lost costs a reading.
 */
export interface LearntNote {
  readonly format: typeof noteFormat
  readonly files: readonly LearntFile[]
}

export interface LearntFile {
  /** In the bucket. */
  readonly key: string
  readonly size: number
  readonly etag: string
  readonly digest: Digest
  /** ISO 8601, as the upstream tells it; undefined where it does not. */
  readonly uploaded?: string | undefined
  readonly requiresPython?: string | undefined
  readonly yanked?: string | undefined
  readonly metadata?: Digest | undefined
  readonly provenance?: Digest | undefined
}

export const noteFormat = 'holdfast-index-note/1'

export const noteShape = v.object({
  format: v.literal(noteFormat),
  files: v.array(
    v.object({
      key: v.string(),
      size: v.number(),
      etag: v.string(),
      digest: digestShape,
      uploaded: v.optional(v.string()),
      requiresPython: v.optional(v.string()),
      yanked: v.optional(v.string()),
      metadata: v.optional(digestShape),
      provenance: v.optional(digestShape),
    }),
  ),
}) as unknown as Shape<LearntNote>
