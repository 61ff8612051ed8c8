import { formatBytes, formatDuration } from '../kit/index.ts'
import type { ByteText } from '../kit/index.ts'
import type { ModeSettings, SnapshotMode } from './mode.ts'

/** What the choice looks at. */
export interface TreeSize {
  readonly entries: number
  readonly bytes: number
  /** The size of each. */
  readonly files: readonly number[]
  /** The path of the largest file, below the root. */
  readonly largest?: ByteText | undefined
}

/** Bytes a millisecond, of these files on this machine. */
export interface Rates {
  readonly reading: number
  readonly writing: number
}

/** Of a middling disk. */
export const typicalRates: Rates = { reading: 1_500_000, writing: 400_000 }

export interface Estimate {
  readonly mode: SnapshotMode
  /** Of one restore: milliseconds. */
  readonly restore: number
  /** What a suite takes longer than on the plain directory: milliseconds. */
  readonly suite: number
  /** The suite here, by the suite on the plain directory. */
  readonly slowdown: number
  readonly why: string
}

/** Files from here on are databases and the like: written to in places, and too large to be copied for it. */
const largeFile = 4 << 20
/** Of the bytes, what a suite changes. */
const changedShare = 0.02
/** Milliseconds of a short suite, beside what it writes. */
const suiteItself = 300
/** A mode that slows a suite down more than so is taken only where there is none that does not. */
const slowestSuite = 1.2

export function isTooSlow({ slowdown }: Pick<Estimate, 'slowdown'>): boolean {
  return slowdown >= slowestSuite
}

/**
 * What each mode costs a suite, restore and slow-down together, the cheapest first; those that slow the suite down by a fifth or more
 * come after all others. Rough, from measurements; what matters is what grows with what: an overlay copies a whole file up on
 * its first write, rsync copies it back whole.
 */
export function rankModes(
  { entries, bytes, files }: TreeSize,
  { copier }: Pick<ModeSettings, 'copier'>,
  { reading, writing }: Rates = typicalRates,
): Estimate[] {
  const large = files.filter((size) => size >= largeFile).reduce((sum, size) => sum + size, 0)
  const changed = bytes * changedShare
  const plain = suiteItself + changed / writing
  const copyUp = large / writing
  const copyUpText =
    large === 0
      ? 'no file is too large to be copied on its first write'
      : `${formatBytes(large)} of large files are copied on their first write`
  const estimate = (mode: SnapshotMode, restore: number, suite: number, text: string): Estimate => {
    const slowdown = 1 + suite / plain
    const costs = `about ${formatDuration(Math.round(restore))} a restore, and ${slowdown.toFixed(2)} times the suite on a plain directory`
    return { mode, restore, suite, slowdown, why: `${text} (${costs})` }
  }
  const inPlace = 60 + entries * 0.05 + large / reading + changed / writing
  const all = [
    estimate('reflink', 20 + entries * 0.06, (changed / writing) * 0.3, 'the file system clones files'),
    estimate('overlay', 40, copyUp, copyUpText),
    // Reads go through the image.
    estimate('squashfs', 40, copyUp * 1.3 + bytes / reading, `${copyUpText}, and all are read through the image`),
    // Its image is one more thing to look after.
    estimate('volume', 150, (changed / writing) * 0.5, 'an image of our own clones files'),
    copier === 'builtin'
      ? estimate('filesystem', inPlace, 0, 'large files that changed are compared, and what differs is written')
      : estimate('filesystem', 60 + entries * 0.08 + large / writing, 0, 'files that changed are copied whole'),
    estimate('store', inPlace * 1.2, 0, 'large files that changed are compared with the store'),
  ]
  return all.sort((a, b) => Number(isTooSlow(a)) - Number(isTooSlow(b)) || a.restore + a.suite - (b.restore + b.suite))
}
