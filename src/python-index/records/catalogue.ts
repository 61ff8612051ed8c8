import * as v from 'valibot'
import type { Digest, Shape } from '../../kit/index.ts'
import { digestShape, type Reach, reachShape } from '../../refs/index.ts'
import { mapShape } from './map-shape.ts'

/** What one prefix publishes: an immutable record, named by the digest of its bytes, that leads to one record for each project. */
export interface Catalogue {
  readonly format: typeof catalogueFormat
  /** By normalised name. Projects without any file are left out, but for those with a status that is told. */
  readonly projects: Readonly<Record<string, CataloguedProject>>
  readonly reaches: readonly Reach[]
}

export interface CataloguedProject {
  readonly record: Digest
  /** Of the distributions that the bucket had when the record was made, `listingDigest`: as long as it is the same, nothing has to be read. */
  readonly listed: Digest
  /** Files that are published, and their bytes. */
  readonly files: number
  readonly bytes: number
  readonly refused: number
}

export const catalogueFormat = 'holdfast-index-catalogue/1'

export const catalogueShape = v.object({
  format: v.literal(catalogueFormat),
  projects: mapShape(v.object({ record: digestShape, listed: digestShape, files: v.number(), bytes: v.number(), refused: v.number() })),
  reaches: v.array(reachShape),
}) as unknown as Shape<Catalogue>
