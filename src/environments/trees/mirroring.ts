import { type BigIntStats, fchmodSync, fstatSync } from 'node:fs'
import type { ByteText, Report } from '../../kit/index.ts'
import { type Held, letGo, removeEntry } from '../../kit/sys/index.ts'
import type { Shortfall } from '../../snapshots/attributes/index.ts'
import { copyAttributes, fileKey } from './entry.ts'
import type { FileCopier } from './file-copy.ts'
import type { EqualPair, KnownFiles } from './known-files.ts'
import type { Lane } from './lane.ts'
import { markIn } from './marks.ts'
import type { Patching } from './patching.ts'

/** One tree becoming what another is, while it goes on. */
export interface Mirroring {
  readonly known: KnownFiles | undefined
  readonly copier: FileCopier
  readonly patching: Patching
  readonly lane: Lane
  readonly shortfall: Shortfall
  readonly report: Report
  readonly signal: AbortSignal | undefined
  readonly counts: { added: number; changed: number; removed: number }
  readonly patched: { bytes: number }
  readonly compares: boolean
  readonly pairs: Map<ByteText, EqualPair>
  /** Where the first name is of files with several: by what the base says of them. */
  readonly leaders: Map<string, ByteText>
  /** Which file of the base a live file with several names is. */
  readonly claimed: Map<string, string>
  /** Further names, made when all files are what they should be. */
  readonly links: LinkWork[]
  readonly open: Sides[]
}

/** A directory of the base and the live one. The live one gets its attributes with the last thing in it, since each changes its time. */
export interface Sides {
  readonly base: Held
  readonly live: Held
  readonly below: ByteText
  readonly stats: BigIntStats
  readonly outer: Sides | undefined
  /** Nothing of it was other than it should be, so far. */
  isSame: boolean
  pending: number
}

export interface LinkWork {
  readonly sides: Sides
  readonly name: ByteText
  readonly stats: BigIntStats
  readonly leader: ByteText
}

/** Notes that an entry is now what it should be. */
export function noteEqual({ pairs }: Mirroring, path: ByteText, live: BigIntStats, base: BigIntStats): void {
  pairs.set(path, { path, live: markIn(live), base: markIn(base) })
}

/** Opens a pair of directories: closed with the last thing in them, or with `close`. */
export function sidesOf(
  mirroring: Mirroring,
  base: Held,
  live: Held,
  below: ByteText,
  stats: BigIntStats,
  outer: Sides | undefined,
): Sides {
  const sides: Sides = { base, live, below, stats, outer, isSame: true, pending: 1 }
  if (outer !== undefined) outer.pending++
  mirroring.open.push(sides)
  return sides
}

export function close({ base, live }: Sides): void {
  letGo(base)
  letGo(live)
}

/** One thing in the directory is done; with the last one it gets its attributes. */
export function leave(mirroring: Mirroring, sides: Sides): void {
  sides.pending--
  if (sides.pending > 0) return
  const { base, live, below, stats, outer } = sides
  const before = fstatSync(live.fd, { bigint: true })
  if (!sides.isSame || mirroring.known?.areEqual(below, markIn(before), markIn(stats)) !== true)
    copyAttributes(base.fd, stats, live.fd, mirroring.shortfall)
  noteEqual(mirroring, below, fstatSync(live.fd, { bigint: true }), stats)
  mirroring.open.splice(mirroring.open.lastIndexOf(sides), 1)
  close(sides)
  if (outer !== undefined) leave(mirroring, outer)
}

/** Before something in it changes. Who is not root needs the right to; what it should be is set at the end. */
export function touch(sides: Sides): void {
  if (!sides.isSame) return
  sides.isSame = false
  const mode = fstatSync(sides.live.fd).mode & 0o7777
  if ((mode & 0o300) !== 0o300 && process.geteuid?.() !== 0) fchmodSync(sides.live.fd, mode | 0o700)
}

export function remove({ counts }: Mirroring, sides: Sides, name: ByteText): void {
  touch(sides)
  counts.removed += removeEntry(sides.live, name)
}

/** A live file that is one under several names may stand for one file of the base only. */
export function isClaimable(claimed: Map<string, string>, live: BigIntStats, base: BigIntStats): boolean {
  if (live.nlink === 1n) return true
  const [one, other] = [fileKey(live), fileKey(base)]
  const owner = claimed.get(one)
  if (owner === undefined) claimed.set(one, other)
  return owner === undefined || owner === other
}
