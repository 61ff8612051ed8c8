import type { Digest } from '../../kit/index.ts'

/** One of several parts of a store, by digest: every digest is in exactly one of them, and they are about as large as one another. */
export interface Part {
  /** From 1. */
  readonly number: number
  readonly of: number
}

/** How much of the content is read: a share from 0 to 1, chosen by chance, or a part. */
export type ReadData = number | Part

/** Whether the part has what is named by this digest: of all parts just one has. */
export function isInPart(digest: Digest, { number, of }: Part): boolean {
  return Math.floor(positionOf(digest) * of) === number - 1
}

/** In [0, 1). Digests lie evenly. */
export function positionOf(digest: Digest): number {
  const start = 'sha256:'.length
  return Number.parseInt(digest.slice(start, start + 8), 16) / 2 ** 32
}

export interface Choice {
  /** Whether a look at this part of the store is one at this digest too; what has none belongs to the first part. */
  includes(digest: Digest | undefined): boolean
  /** Whether its content is read. */
  reads(digest: Digest): boolean
}

export function chooseData(readData: ReadData, random: () => number): Choice {
  if (typeof readData === 'number') return { includes: () => true, reads: () => random() < readData }
  return {
    includes: (digest) => (digest === undefined ? readData.number === 1 : isInPart(digest, readData)),
    reads: (digest) => isInPart(digest, readData),
  }
}
