import { maxPackedFile } from '../format/limits.ts'
import type { KnownPack } from './cache.ts'
import type { Catalogue } from './catalogue.ts'

/** Packs that stay, the newest included. */
const mostPacks = 5
/** A pack is merged with those after it that are not at least so much smaller. */
const ratio = 4
/** Bytes that packs may have beyond twice what is needed of them. */
const slack = 8 << 20

/**
 * Which packs to make one of: a row of them, up to the end; none, or at least two, or all where much of them is not needed any more. The
 * newest is left as it is: it has one revision only, which is what most clients lack.
 */
export function chooseMerge(packs: readonly KnownPack[], needed: number): readonly KnownPack[] {
  const older = packs.slice(0, -1)
  if (older.length === 0) return []
  if (older.reduce((sum, { plain }) => sum + plain, 0) > 2 * needed + slack) return older
  let first = older.length - 1
  let size = older[first]!.size
  const isTooMany = () => first + 2 > mostPacks
  while (first > 0 && (older[first - 1]!.size < ratio * size || isTooMany())) size += older[--first]!.size
  return older.length - first < 2 ? [] : older.slice(first)
}

/** Bytes that packs need at most, plain: of each file, what may be in them. */
export function bytesNeeded({ files }: Catalogue): number {
  let bytes = 0
  for (let file = 0; file < files.length; file++) bytes += Math.min(files.columns.size[file]!, maxPackedFile)
  return bytes
}
