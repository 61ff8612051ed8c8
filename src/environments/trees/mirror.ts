import { type BigIntStats, linkSync, lstatSync, mkdirSync, readlinkSync, symlinkSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import {
  type ByteText,
  byteText,
  diskFault,
  Fault,
  joinBytes,
  type Report,
  shownName,
  spareStack,
  systemPath,
  throwIfAborted,
} from '../../kit/index.ts'
import { type Held, holdInner, holdTop, letGo, namesIn, removeEntry } from '../../kit/sys/index.ts'
import type { Shortfall } from '../../snapshots/attributes/index.ts'
import { copyAttributes, fileKey, makeSpecialLike, statsIn } from './entry.ts'
import { createFileCopier } from './file-copy.ts'
import type { EqualPair, KnownFiles } from './known-files.ts'
import { createLane } from './lane.ts'
import { markIn } from './marks.ts'
import { mirrorFile } from './mirror-file.ts'
import { close, isClaimable, leave, type LinkWork, type Mirroring, noteEqual, remove, type Sides, sidesOf, touch } from './mirroring.ts'
import { createPatching } from './patching.ts'

export interface MirrorOptions {
  /** What is known to be equal is not read; undefined: everything is compared. */
  readonly known: KnownFiles | undefined
  /** Compares bytes also where files could share them, so that what was changed is known. */
  readonly compares?: boolean | undefined
  /** Gets what attributes could not be set. */
  readonly shortfall: Shortfall
  readonly report: Report
  readonly signal: AbortSignal | undefined
}

export interface Mirrored {
  /** Bytes that were written, not counting shared ones. */
  readonly written: number
  readonly counts: { readonly added: number; readonly changed: number; readonly removed: number }
  /** Entries that are equal now. */
  readonly pairs: readonly EqualPair[]
}

/**
 * Makes a live tree what its base is, in place: what the base does not have goes, and of large files only blocks that differ
 * are written, or they share the base's bytes where they can. It may be ended at any moment and run again, which finishes it.
 * No link is followed; a file with further names elsewhere is replaced and not written to.
 */
export async function mirrorTree(base: string, live: string, options: MirrorOptions): Promise<Mirrored> {
  const { known, shortfall, report, signal } = options
  const mirroring: Mirroring = {
    known,
    copier: createFileCopier({ how: 'copy', owner: undefined, shortfall, report, signal }),
    patching: createPatching(),
    lane: createLane(filesAtATime),
    shortfall,
    report,
    signal,
    counts: { added: 0, changed: 0, removed: 0 },
    patched: { bytes: 0 },
    compares: options.compares === true,
    pairs: new Map(),
    leaders: new Map(),
    claimed: new Map(),
    links: [],
    open: [],
  }
  try {
    const [from, to] = [holdTop(byteText(base)), holdTop(byteText(live))]
    const top = sidesOf(mirroring, from, to, '', statsIn(from, '.'), undefined)
    // Until the links are made.
    top.pending++
    await visit(mirroring, top, 0)
    await mirroring.lane.end()
    for (const work of mirroring.links) makeLink(mirroring, top, work)
    // Every new name has changed what the others show.
    for (const work of mirroring.links) noteLink(mirroring, work)
    leave(mirroring, top)
    return { written: mirroring.copier.written() + mirroring.patched.bytes, counts: mirroring.counts, pairs: [...mirroring.pairs.values()] }
  } finally {
    await mirroring.lane.settle()
    await mirroring.patching.close()
    for (const sides of mirroring.open.splice(0)) close(sides)
  }
}

const filesAtATime = 8
const entriesAtATime = 1000
const maxDepth = 2000

async function visit(mirroring: Mirroring, sides: Sides, depth: number): Promise<void> {
  throwIfAborted(mirroring.signal)
  if (depth > maxDepth)
    throw new Fault('invalid', `the tree is deeper than ${maxDepth} directories`, { at: shownName(sides.below).slice(0, 200) })
  await spareStack(depth)
  const names = listOf(sides.base)
  const wanted = new Set(names)
  const present = new Set(listOf(sides.live))
  for (const name of present) if (!wanted.has(name)) remove(mirroring, sides, name)
  let count = 0
  for (const name of names) {
    if (++count % entriesAtATime === 0) await setImmediate()
    await visitEntry(mirroring, sides, name, present.has(name), depth)
  }
  leave(mirroring, sides)
}

function listOf({ path, name }: Held): ByteText[] {
  try {
    return namesIn(path)
  } catch (error) {
    throw diskFault(error, shownName(name), 'list the directory')
  }
}

async function visitEntry(mirroring: Mirroring, sides: Sides, name: ByteText, isThere: boolean, depth: number): Promise<void> {
  const { known, claimed } = mirroring
  const base = statsIn(sides.base, name)
  let live = isThere ? statsIn(sides.live, name) : undefined
  const below = joinBytes(sides.below, name)
  if (live !== undefined && kindBits(live) !== kindBits(base)) {
    remove(mirroring, sides, name)
    live = undefined
  }
  if (base.isDirectory()) return await visitInner(mirroring, sides, name, base, live, depth)
  if (base.nlink > 1n && isFurtherName(mirroring, sides, name, base, below)) return
  if (live !== undefined && known?.areEqual(below, markIn(live), markIn(base)) === true && isClaimable(claimed, live, base)) {
    return noteEqual(mirroring, below, live, base)
  }
  if (base.isFile()) return await mirrorFile(mirroring, sides, name, base, live)
  mirrorOther(mirroring, sides, name, base, live)
  noteEqual(mirroring, below, statsIn(sides.live, name), base)
}

function kindBits({ mode }: BigIntStats): bigint {
  return mode & 0o170000n
}

function isFurtherName({ leaders, links }: Mirroring, sides: Sides, name: ByteText, stats: BigIntStats, below: ByteText): boolean {
  const key = fileKey(stats)
  const leader = leaders.get(key)
  if (leader === undefined) {
    leaders.set(key, below)
    return false
  }
  sides.pending++
  links.push({ sides, name, stats, leader })
  return true
}

async function visitInner(
  mirroring: Mirroring,
  sides: Sides,
  name: ByteText,
  stats: BigIntStats,
  live: BigIntStats | undefined,
  depth: number,
): Promise<void> {
  if (live === undefined) {
    touch(sides)
    try {
      mkdirSync(systemPath(joinBytes(sides.live.path, name)), { mode: 0o700 })
    } catch (error) {
      throw diskFault(error, shownName(joinBytes(sides.live.name, name)), 'make the directory')
    }
    mirroring.counts.added++
  }
  const [base, there] = [holdInner(sides.base, name), holdInner(sides.live, name)]
  await visit(mirroring, sidesOf(mirroring, base, there, joinBytes(sides.below, name), stats, sides), depth + 1)
}

/** Links, pipes, sockets and devices. */
function mirrorOther(mirroring: Mirroring, sides: Sides, name: ByteText, base: BigIntStats, live: BigIntStats | undefined): void {
  const { shortfall, counts, claimed } = mirroring
  const [from, to] = [systemPath(joinBytes(sides.base.path, name)), systemPath(joinBytes(sides.live.path, name))]
  try {
    const target = base.isSymbolicLink() ? readlinkSync(from, { encoding: 'latin1' }) : undefined
    const stands =
      live !== undefined &&
      isClaimable(claimed, live, base) &&
      (target === undefined ? live.rdev === base.rdev : readlinkSync(to, { encoding: 'latin1' }) === target)
    if (!stands) {
      touch(sides)
      if (live !== undefined) removeEntry(sides.live, name)
      counts[live === undefined ? 'added' : 'changed']++
      if (target !== undefined) symlinkSync(systemPath(target), to)
      else if (!makeSpecialLike(base, to, shortfall)) return
    }
    copyAttributes(from, base, to, shortfall)
  } catch (error) {
    throw diskFault(error, shownName(joinBytes(sides.live.name, name)), 'restore it')
  }
}

/** Step by step, so that no link on the way leads out. */
function makeLink(mirroring: Mirroring, top: Sides, { sides, name, leader }: LinkWork): void {
  const names = leader.split('/')
  const last = names.pop()!
  const opened: Held[] = []
  try {
    for (const each of names) opened.push(holdInner(opened.at(-1) ?? top.live, each))
    const outer = opened.at(-1) ?? top.live
    const first = statsIn(outer, last)
    const path = systemPath(joinBytes(sides.live.path, name))
    const live = lstatSync(path, { bigint: true, throwIfNoEntry: false })
    if (live === undefined || fileKey(live) !== fileKey(first)) {
      touch(sides)
      if (live !== undefined) removeEntry(sides.live, name)
      linkSync(systemPath(joinBytes(outer.path, last)), path)
      mirroring.counts[live === undefined ? 'added' : 'changed']++
    }
  } catch (error) {
    throw diskFault(error, shownName(joinBytes(sides.live.name, name)), 'make the hard link')
  } finally {
    opened.reverse().forEach(letGo)
  }
}

function noteLink(mirroring: Mirroring, { sides, name, stats, leader }: LinkWork): void {
  const live = statsIn(sides.live, name)
  for (const path of [leader, joinBytes(sides.below, name)]) noteEqual(mirroring, path, live, stats)
  leave(mirroring, sides)
}
