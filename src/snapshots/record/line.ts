import { createHash } from 'node:crypto'
import path from 'node:path'
import * as v from 'valibot'
import type { Digest, Shape } from '../../kit/index.ts'
import { digestShape, type RefKind } from '../../refs/index.ts'

/** What is said of a snapshot in lists, without reading its record. */
export interface SnapshotSummary {
  readonly id: Digest
  readonly root: Digest
  /** ISO 8601, UTC. */
  readonly created: string
  readonly host: string
  readonly by: string
  readonly base: string
  readonly paths: readonly string[]
  readonly tags: readonly string[]
  readonly message?: string | undefined
  readonly size: number
  readonly files: number
  /** Paths that could not be read. */
  readonly problems: number
}

/** The snapshots of one tree, oldest first: the state of a ref, so that each change is one conditional write. */
export interface LineState {
  readonly snapshots: readonly SnapshotSummary[]
}

/** What a move did to them. */
export interface LineNote {
  readonly added?: Digest | undefined
  readonly dropped?: readonly Digest[] | undefined
  readonly tagged?: Digest | undefined
}

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))

export const snapshotLine: RefKind<LineState, LineNote> = {
  group: 'snapshots',
  state: v.object({
    snapshots: v.array(
      v.object({
        id: digestShape,
        root: digestShape,
        created: v.pipe(v.string(), v.isoTimestamp()),
        host: v.string(),
        by: v.string(),
        base: v.string(),
        paths: v.array(v.string()),
        tags: v.array(v.string()),
        message: v.optional(v.string()),
        size: count,
        files: count,
        problems: count,
      }),
    ),
  }) as unknown as Shape<LineState>,
  note: v.object({
    added: v.optional(digestShape),
    dropped: v.optional(v.array(digestShape)),
    tagged: v.optional(digestShape),
  }) as unknown as Shape<LineNote>,
  reaches: ({ snapshots }) => snapshots.map(({ id }) => ({ kind: 'snapshot', digest: id })),
}

/** The name of the line for a tree that was given none: `builder-3/data-1f2e3d4c`, the same for the same host and paths. */
export function lineNameOf(host: string, base: string, paths: readonly string[]): string {
  const hash = createHash('sha256')
    .update([base, ...paths].join('\0'))
    .digest('hex')
    .slice(0, 8)
  const label = paths.length === 1 && paths[0] !== '.' ? path.basename(paths[0]!) : path.basename(base)
  return `${plain(host) || 'host'}/${plain(label) || 'root'}-${hash}`
}

function plain(text: string): string {
  return text
    .replaceAll(/[^A-Za-z0-9_.-]+/g, '-')
    .replaceAll(/^[-.~]+|[-.]+$/g, '')
    .slice(0, 60)
}
