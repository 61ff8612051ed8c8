import { type BigIntStats, linkSync, mkdirSync, readlinkSync, symlinkSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { type ByteText, byteText, diskFault, Fault, joinBytes, shownName, spareStack, systemPath, throwIfAborted } from '../../kit/index.ts'
import { type Held, holdInner, holdTop, letGo, namesIn, realSys as sys } from '../../kit/sys/index.ts'
import { copyAttributes, fileKey, makeSpecialLike, statsIn } from './entry.ts'
import { createFileCopier, type FileCopier, type FileCopyOptions } from './file-copy.ts'
import { createLane, type Lane } from './lane.ts'

export interface CopyTreeOptions extends Omit<FileCopyOptions, 'owner'> {
  /** Makes the directory that it becomes: `mkdir`, where nothing else is said. */
  readonly make?: (directory: string) => void
}

export interface CopiedTree {
  readonly entries: number
  /** Of files. */
  readonly bytes: number
  /** Of these, bytes that were copied and not shared. */
  readonly written: number
}

/**
 * Copies a tree to a name that is free, with all that it has: owners, modes, times to the nanosecond, extended attributes,
 * hard links, holes, pipes, sockets and devices. What fails leaves a part of it there.
 */
export async function copyTree(from: string, to: string, options: CopyTreeOptions): Promise<CopiedTree> {
  const source = holdTop(byteText(from))
  const copied = { entries: 0, bytes: 0 }
  const lane = createLane(filesAtATime)
  const open: Pair[] = []
  try {
    const target = makeTop(to, options.make ?? makePlain)
    const copier = createFileCopier({ ...options, owner: statsIn(target, '.') })
    const copying: Copying = { options, copied, lane, links: new Map(), copier, open }
    const top = pairOf(copying, source, target, statsIn(source, '.'), undefined)
    await walk(copying, top, '')
    await lane.end()
    return { ...copied, written: copier.written() }
  } finally {
    await lane.settle()
    for (const pair of open.splice(0)) closePair(pair)
  }
}

/** Copies wait for the disk and for the kernel, beside the walk. */
const filesAtATime = 16
const entriesAtATime = 1000
const maxDepth = 2000

interface Copying {
  readonly options: CopyTreeOptions
  readonly copied: { entries: number; bytes: number }
  readonly lane: Lane
  /** The first copy of files with several names: where it is below the top, and when it is done. */
  readonly links: Map<string, { readonly below: ByteText; readonly done: Promise<void> | undefined }>
  readonly copier: FileCopier
  readonly open: Pair[]
}

/** A directory and its copy. It is finished with the last thing in it, since each changes its time. */
interface Pair {
  readonly source: Held
  readonly target: Held
  readonly stats: BigIntStats
  readonly outer: Pair | undefined
  pending: number
}

function makePlain(directory: string): void {
  mkdirSync(directory, { mode: 0o700 })
}

function makeTop(to: string, make: (directory: string) => void): Held {
  try {
    make(to)
  } catch (error) {
    throw diskFault(error, to, 'make the directory for a copy')
  }
  const held = holdTop(byteText(to))
  // What it inherits would be given on to all that is made in it.
  for (const name of sys.listXattrs(held.fd)) if (String(name).startsWith('system.posix_acl_')) sys.removeXattr(held.fd, name)
  return held
}

function pairOf({ open }: Copying, source: Held, target: Held, stats: BigIntStats, outer: Pair | undefined): Pair {
  const pair: Pair = { source, target, stats, outer, pending: 1 }
  if (outer !== undefined) outer.pending++
  open.push(pair)
  return pair
}

function closePair({ source, target }: Pair): void {
  letGo(source)
  letGo(target)
}

function leave(copying: Copying, pair: Pair): void {
  pair.pending--
  if (pair.pending > 0) return
  copyAttributes(pair.source.fd, pair.stats, pair.target.fd, copying.options.shortfall)
  copying.open.splice(copying.open.lastIndexOf(pair), 1)
  closePair(pair)
  if (pair.outer !== undefined) leave(copying, pair.outer)
}

async function walk(copying: Copying, pair: Pair, below: ByteText, depth = 0): Promise<void> {
  throwIfAborted(copying.options.signal)
  if (depth > maxDepth)
    throw new Fault('invalid', `the tree is deeper than ${maxDepth} directories`, { at: shownName(below).slice(0, 200) })
  await spareStack(depth)
  for (const name of listOf(pair.source)) {
    const stats = statsIn(pair.source, name)
    // Others get their turn, and a signal is heard.
    if (++copying.copied.entries % entriesAtATime === 0) {
      await setImmediate()
      throwIfAborted(copying.options.signal)
    }
    const path = joinBytes(below, name)
    if (stats.isDirectory()) {
      const [source, target] = [holdInner(pair.source, name), makeInner(pair.target, name)]
      await walk(copying, pairOf(copying, source, target, stats, pair), path, depth + 1)
    } else if (stats.isFile()) await visitFile(copying, pair, name, stats, path)
    else if (stats.nlink === 1n || !(await linkAgain(copying, pair, name, stats))) copyOther(copying, pair, name, stats, path)
  }
  leave(copying, pair)
}

function listOf({ path, name }: Held): ByteText[] {
  try {
    return namesIn(path)
  } catch (error) {
    throw diskFault(error, shownName(name), 'list the directory')
  }
}

function makeInner(outer: Held, name: ByteText): Held {
  try {
    mkdirSync(systemPath(joinBytes(outer.path, name)), { mode: 0o700 })
  } catch (error) {
    throw diskFault(error, shownName(joinBytes(outer.name, name)), 'make the directory')
  }
  return holdInner(outer, name)
}

async function visitFile(copying: Copying, pair: Pair, name: ByteText, stats: BigIntStats, below: ByteText): Promise<void> {
  if (stats.nlink > 1n && (await linkAgain(copying, pair, name, stats))) return
  copying.copied.bytes += Number(stats.size)
  const pending = copying.copier.copy(pair.source, pair.target, name, stats)
  if (pending !== undefined) {
    pair.pending++
    copying.lane.add(pending.then(() => leave(copying, pair)))
  }
  if (stats.nlink > 1n) copying.links.set(fileKey(stats), { below, done: pending })
  await copying.lane.room()
}

/** A further name of a file that has been copied. */
async function linkAgain({ links, open }: Copying, { target }: Pair, name: ByteText, stats: BigIntStats): Promise<boolean> {
  const first = links.get(fileKey(stats))
  if (first === undefined) return false
  await first.done
  try {
    linkSync(systemPath(joinBytes(open[0]!.target.path, first.below)), systemPath(joinBytes(target.path, name)))
    return true
  } catch (error) {
    throw diskFault(error, shownName(joinBytes(target.name, name)), 'make the hard link')
  }
}

function copyOther(copying: Copying, { source, target }: Pair, name: ByteText, stats: BigIntStats, below: ByteText): void {
  const { shortfall } = copying.options
  const [from, to] = [systemPath(joinBytes(source.path, name)), systemPath(joinBytes(target.path, name))]
  try {
    if (stats.isSymbolicLink()) symlinkSync(readlinkSync(from, { encoding: 'buffer' }), to)
    else if (!makeSpecialLike(stats, to, shortfall)) return
    copyAttributes(from, stats, to, shortfall)
  } catch (error) {
    throw diskFault(error, shownName(joinBytes(source.name, name)), 'copy it')
  }
  if (stats.nlink > 1n) copying.links.set(fileKey(stats), { below, done: undefined })
}
