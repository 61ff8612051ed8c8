import { type Change, diffManifests, type Entry } from '../manifest/index.ts'
import { compareKeys } from '../kit/index.ts'
import type { ReleaseContext } from './context.ts'
import { needVariant, readRelease, select, type Selected, type Selector } from './find.ts'
import type { Product } from './product.ts'
import type { Release, SourceCommit } from './record.ts'

export interface Comparison {
  readonly a: Selected
  readonly b: Selected
  readonly files: readonly Change[]
  readonly sources: readonly { readonly name: string; readonly a?: SourceCommit | undefined; readonly b?: SourceCommit | undefined }[]
  readonly fields: readonly { readonly name: string; readonly a?: string | undefined; readonly b?: string | undefined }[]
  /** The two have the same files, byte for byte. */
  readonly sameFiles: boolean
}

/** One side of a comparison; the variants may differ. */
export interface Side {
  readonly variant: string
  readonly selector: Selector
}

/** What differs between two releases: files, commits, build fields. Reads records only. */
export async function compareReleases(context: ReleaseContext, product: Product, a: Side, b: Side): Promise<Comparison> {
  const left = await readSide(context, product, a)
  const right = await readSide(context, product, b)
  const files = [...diffManifests(entriesOf(left.release), entriesOf(right.release))].filter((change) => change.kind !== 'same')
  return {
    a: left.selected,
    b: right.selected,
    files,
    sources: changedMembers(left.release.sources, right.release.sources, (x, y) => x.commit === y.commit && x.dirty === y.dirty),
    fields: changedMembers(left.release.fields, right.release.fields, (x, y) => x === y),
    sameFiles: files.length === 0,
  }
}

async function readSide(context: ReleaseContext, product: Product, side: Side): Promise<{ selected: Selected; release: Release }> {
  const selected = select((await needVariant(context, product, side.variant)).ref, side.selector)
  return { selected, release: await readRelease(context, selected.id) }
}

function entriesOf(release: Release): Entry[] {
  return release.files.map(({ path, size, digest, mode }) => ({ path, size, digest, mode })).sort((x, y) => compareKeys(x.path, y.path))
}

function changedMembers<T>(
  a: Readonly<Record<string, T>>,
  b: Readonly<Record<string, T>>,
  isSame: (x: T, y: T) => boolean,
): { name: string; a?: T; b?: T }[] {
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])].sort()
  return names.flatMap((name) => {
    const [x, y] = [a[name], b[name]]
    if (x !== undefined && y !== undefined && isSame(x, y)) return []
    return [{ name, ...(x === undefined ? {} : { a: x }), ...(y === undefined ? {} : { b: y }) }]
  })
}
