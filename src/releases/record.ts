import * as v from 'valibot'
import { canonicalJson, type Digest, digestOf, isKey, type Shape } from '../kit/index.ts'
import { digestShape, type Reach, reachShape } from '../refs/index.ts'

/** One file of a release. */
export interface ReleaseFile {
  /** Relative, beginning with the artifact's own name. It follows the rules of keys, so it leads out of no folder. */
  readonly path: string
  readonly size: number
  readonly digest: Digest
  /** Hex; for readers that still ask for it. Nothing here relies on it. */
  readonly sha1: string
  readonly mode: number
}

/** The commit of one source repository. */
export interface SourceCommit {
  readonly system: 'git' | 'hg' | 'sl'
  readonly commit: string
  /** The work tree differed from the commit. */
  readonly dirty: boolean
}

/** A build that was released: written once, named by the digest of its canonical bytes, never changed. */
export interface Release {
  readonly format: typeof releaseFormat
  readonly product: string
  readonly variant: string
  /** As metadata files call the variant: `ROCm version`. */
  readonly variantLabel: string
  readonly fields: Readonly<Record<string, string>>
  /** ISO 8601, UTC, whole seconds. */
  readonly created: string
  readonly by: string
  readonly message?: string | undefined
  readonly sources: Readonly<Record<string, SourceCommit>>
  readonly files: readonly ReleaseFile[]
  readonly reaches: readonly Reach[]
}

export const releaseFormat = 'holdfast-release/1'

export const fileShape: Shape<ReleaseFile> = v.object({
  path: v.pipe(v.string(), v.check(isKey, 'a relative path below the output is expected')),
  size: v.pipe(v.number(), v.integer(), v.minValue(0)),
  digest: digestShape,
  sha1: v.pipe(v.string(), v.regex(/^[0-9a-f]{40}$/)),
  mode: v.pipe(v.number(), v.integer()),
})

export const sourceShape: Shape<SourceCommit> = v.object({
  system: v.picklist(['git', 'hg', 'sl']),
  commit: v.string(),
  dirty: v.boolean(),
})

export const releaseShape = v.object({
  format: v.literal(releaseFormat),
  product: v.string(),
  variant: v.string(),
  variantLabel: v.string(),
  fields: v.record(v.string(), v.string()),
  created: v.string(),
  by: v.string(),
  message: v.optional(v.string()),
  sources: v.record(v.string(), sourceShape),
  files: v.array(fileShape),
  reaches: v.array(reachShape),
}) satisfies Shape<Release>

/** One digest for names, bytes and the right to execute of all files: two releases with the same content have the same. */
export function contentDigest(files: readonly ReleaseFile[]): Digest {
  const facts = files.map((file) => ({ path: file.path, digest: file.digest, executable: (file.mode & 0o111) !== 0 }))
  return digestOf(canonicalJson(facts))
}
