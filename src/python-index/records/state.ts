import * as v from 'valibot'
import { type Digest, digestOf, hexOf, type Shape } from '../../kit/index.ts'
import { digestShape, type Reach, type Ref, type RefKind } from '../../refs/index.ts'
import { mapShape } from './map-shape.ts'

/** The state of one environment: one ref for all its prefixes, so that several move at once. */
export interface IndexState {
  /** The bucket's URL. */
  readonly bucket: string
  readonly prefixes: Readonly<Record<string, PrefixState>>
}

export interface PrefixState {
  /** The record that says what is published. */
  readonly catalogue: Digest
  readonly projects: number
  readonly files: number
  readonly bytes: number
  /** Files that are in the bucket and cannot be published. */
  readonly refused: number
  /** Catalogues that can be rolled back to, oldest first; the last one is `catalogue`. */
  readonly kept: readonly KeptCatalogue[]
}

export interface KeptCatalogue {
  /** The generation that made it. */
  readonly generation: number
  readonly catalogue: Digest
}

/** Beside each move: the prefixes that it changed, and their catalogues after it; null where the prefix went. */
export interface IndexNote {
  readonly prefixes: Readonly<Record<string, Digest | null>>
}

export type IndexRef = Ref<IndexState, IndexNote>

const keptShape = v.object({ generation: v.number(), catalogue: digestShape })

const prefixShape = v.object({
  catalogue: digestShape,
  projects: v.number(),
  files: v.number(),
  bytes: v.number(),
  refused: v.number(),
  kept: v.array(keptShape),
})

/** Moves that are told of, whatever they led to. */
const remembered = 500

export const indexRefs: RefKind<IndexState, IndexNote> = {
  group: 'index',
  // A bucket's events move it with every file.
  keepsMove: ({ prefixes }, { generation }, newer) =>
    newer < remembered || Object.values(prefixes).some(({ kept }) => kept.some((each) => each.generation === generation)),
  state: v.object({ bucket: v.string(), prefixes: mapShape(prefixShape) }) as unknown as Shape<IndexState>,
  note: v.object({ prefixes: mapShape(v.nullable(digestShape)) }) as unknown as Shape<IndexNote>,
  reaches: ({ prefixes }) => {
    const digests = new Set(Object.values(prefixes).flatMap(({ kept }) => kept.map(({ catalogue }) => catalogue)))
    return [...digests].sort().map((digest): Reach => ({ kind: 'snapshot', digest }))
  },
}

/** The name of a bucket's ref: what people call the bucket, and enough of a digest to tell it from others. */
export function refNameOfBucket(url: string): string {
  const shown = url
    .replace(/^[a-z0-9+]+:\/*/, '')
    .replace(/[^A-Za-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
    .slice(-40)
    .replace(/^-/, '')
  return `${shown === '' ? 'index' : shown}-${hexOf(digestOf(url)).slice(0, 8)}`
}
