import type { BigIntStats } from 'node:fs'

/** What tells that a file is still the one that was read: all four are equal. */
export interface FileMark {
  readonly size: number
  readonly mtimeNs: bigint
  readonly ctimeNs: bigint
  readonly ino: bigint
}

export function markOf(stats: BigIntStats): FileMark {
  return { size: Number(stats.size), mtimeNs: stats.mtimeNs, ctimeNs: stats.ctimeNs, ino: stats.ino }
}

export function isUnchanged(stats: BigIntStats, mark: FileMark): boolean {
  return (
    stats.ctimeNs === mark.ctimeNs &&
    stats.mtimeNs === mark.mtimeNs &&
    stats.ino === mark.ino &&
    // A directory's size says nothing, and some file systems let it vary.
    (Number(stats.size) === mark.size || stats.isDirectory())
  )
}

/** Nanoseconds in which a file may change twice and show one time: longer than a tick of any kernel, or of a file system that counts seconds. */
const tick = 20_000_000n
const coarseTick = 2_000_000_000n

/** Whether a later change would surely show. `since` is when looking began, in milliseconds since 1970. */
export function isSettled(mark: FileMark, since: number): boolean {
  const isCoarse = mark.ctimeNs % 1_000_000_000n === 0n && mark.mtimeNs % 1_000_000_000n === 0n
  return mark.ctimeNs < BigInt(Math.floor(since)) * 1_000_000n - (isCoarse ? coarseTick : tick)
}
