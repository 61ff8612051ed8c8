import { type BigIntStats, lstatSync } from 'node:fs'
import { errno } from '../../kit/index.ts'
import { type ByteText, systemPath } from '../tree/name.ts'
import type { FileMark, KnownDirectory, KnownEntry } from './record.ts'

/** Something in a directory, as it is now. */
export interface Seen {
  readonly name: ByteText
  readonly stats: BigIntStats
  /** What the index knows of the name, whether or not it is still that. */
  readonly known: KnownEntry | undefined
  /** It is what it was: content, attributes and all; of a directory, only its own attributes. */
  readonly isSame: boolean
}

/** What is at a path now, called `name`; undefined where it is gone. Throws the system's own errors. */
export function lookAt(path: ByteText, name: ByteText, known: KnownEntry | undefined): Seen | undefined {
  try {
    const stats = lstatSync(systemPath(path), { bigint: true })
    return { name, stats, known, isSame: known !== undefined && known.isTrusted && isUnchanged(stats, known.mark) }
  } catch (error) {
    if (errno(error) === 'ENOENT') return undefined
    throw error
  }
}

/** Finds what is known of names that are asked for in order. */
export function knownInOrder(directory: KnownDirectory | undefined): (name: ByteText) => KnownEntry | undefined {
  const entries = directory?.entries ?? []
  let at = 0
  return (name) => {
    while (at < entries.length && entries[at]!.name < name) at++
    return entries[at]?.name === name ? entries[at] : undefined
  }
}

export function markOf(stats: BigIntStats): FileMark {
  return { size: Number(stats.size), mtimeNs: stats.mtimeNs, ctimeNs: stats.ctimeNs, ino: stats.ino }
}

function isUnchanged(stats: BigIntStats, mark: FileMark): boolean {
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
