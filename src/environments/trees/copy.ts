import {
  type BigIntStats,
  closeSync,
  constants,
  copyFile,
  fchmodSync,
  linkSync,
  mkdirSync,
  openSync,
  readlinkSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import {
  type ByteText,
  byteText,
  diskFault,
  Fault,
  isFault,
  joinBytes,
  type Report,
  shownName,
  systemPath,
  throwIfAborted,
} from '../../kit/index.ts'
import { type Held, holdInner, holdTop, letGo, namesIn, type Place, realSys as sys } from '../../kit/sys/index.ts'
import type { Shortfall } from '../../snapshots/attributes/index.ts'
import { copyAttributes, fileKey, isSparse, makeSpecialLike, statsIn } from './entry.ts'
import { copyExtents } from './extents.ts'
import { createLane, type Lane } from './lane.ts'

export interface CopyTreeOptions {
  /** `clone`: files share their bytes with the source, and it is `unsupported` where they cannot. `copy`: they share where they can. */
  readonly how: 'clone' | 'copy'
  /** A source that others may change meanwhile: no link that is put in a file's place is followed. */
  readonly isForeign: boolean
  /** Makes the directory that it becomes: `mkdir`, where nothing else is said. */
  readonly make?: (directory: string) => void
  /** Gets what attributes could not be kept. */
  readonly shortfall: Shortfall
  readonly report: Report
  readonly signal: AbortSignal | undefined
}

export interface CopiedTree {
  entries: number
  /** Of files. */
  bytes: number
  /** Of these, bytes that were copied and not shared. */
  written: number
}

/**
 * Copies a tree to a name that is free, with all that it has: owners, modes, times to the nanosecond, extended attributes,
 * hard links, holes, pipes, sockets and devices. What fails leaves a part of it there.
 */
export async function copyTree(from: string, to: string, options: CopyTreeOptions): Promise<CopiedTree> {
  const source = holdTop(byteText(from))
  const copied: CopiedTree = { entries: 0, bytes: 0, written: 0 }
  const lane = createLane(filesAtATime)
  const open: Pair[] = []
  try {
    const target = makeTop(to, options.make ?? makePlain)
    const copying: Copying = {
      options,
      copied,
      lane,
      links: new Map(),
      owner: statsIn(target, '.'),
      clones: undefined,
      umask: process.umask(),
      open,
    }
    const top = pairOf(copying, source, target, statsIn(source, '.'), undefined)
    await walk(copying, top, '')
    await lane.end()
    return copied
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
  readonly copied: CopiedTree
  readonly lane: Lane
  /** The first copy of files with several names: where it is below the top, and when it is done. */
  readonly links: Map<string, { readonly below: ByteText; readonly done: Promise<void> }>
  /** Whom a new entry belongs to. */
  readonly owner: BigIntStats
  /** Whether files can share bytes: known with the first one. */
  clones: boolean | undefined
  readonly umask: number
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
  if (cloneOne(copying, pair, name, stats)) {
    if (stats.nlink > 1n) copying.links.set(fileKey(stats), { below, done: Promise.resolve() })
    return
  }
  pair.pending++
  const done = copying.lane.start(() => copyOne(copying, pair, name, stats).then(() => leave(copying, pair)))
  if (stats.nlink > 1n) copying.links.set(fileKey(stats), { below, done })
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
  if (stats.nlink > 1n) copying.links.set(fileKey(stats), { below, done: Promise.resolve() })
}

/**
 * At once: several threads that make files in one directory would only wait for each other. False where bytes are to be
 * copied.
 */
function cloneOne(copying: Copying, { source, target }: Pair, name: ByteText, stats: BigIntStats): boolean {
  const { options } = copying
  const isEmpty = stats.size === 0n
  if (copying.clones === false && !isEmpty) return false
  const at = shownName(joinBytes(source.name, name))
  const opened: number[] = []
  try {
    const from = openSync(systemPath(joinBytes(source.path, name)), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    opened.push(from)
    const mode = Number(stats.mode & 0o7777n)
    const to = openSync(systemPath(joinBytes(target.path, name)), constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, mode & 0o777)
    opened.push(to)
    if (!isEmpty && !shareBytes(copying, from, to)) {
      unlinkSync(systemPath(joinBytes(target.path, name)))
      return false
    }
    if (mode !== (mode & 0o777 & ~copying.umask)) fchmodSync(to, mode)
    finishFile(copying, from, to, stats)
  } catch (error) {
    if (isFault(error, 'unsupported')) throw new Fault('unsupported', error.message, { at, cause: error.cause })
    throw diskFault(error, at, 'copy it')
  } finally {
    for (const fd of opened) closeSync(fd)
  }
  options.report({ kind: 'advance', task: 'copy', items: 1, bytes: Number(stats.size) })
  return true
}

function shareBytes(copying: Copying, from: number, to: number): boolean {
  try {
    sys.cloneFile(from, to)
    copying.clones = true
    return true
  } catch (error) {
    if (!isFault(error, 'unsupported') && !isFault(error, 'invalid')) throw error
    if (copying.options.how === 'clone') throw new Fault('unsupported', 'the file cannot share its bytes with a copy', { cause: error })
    // One that differs from its neighbours in this, such as a file without copy-on-write, says nothing about them.
    copying.clones ??= false
    return false
  }
}

/** All but the content and the mode. */
function finishFile(copying: Copying, from: Place, to: Place, stats: BigIntStats): void {
  const { owner, options } = copying
  const isPlain = stats.uid === owner.uid && stats.gid === owner.gid && sys.listXattrs(from).length === 0
  if (isPlain) sys.setTimes(to, { modifiedNs: stats.mtimeNs })
  else copyAttributes(from, stats, to, options.shortfall)
}

async function copyOne(copying: Copying, { source, target }: Pair, name: ByteText, stats: BigIntStats): Promise<void> {
  const { isForeign, report, signal } = copying.options
  const [from, to] = [systemPath(joinBytes(source.path, name)), systemPath(joinBytes(target.path, name))]
  let fd: number | undefined
  try {
    if (isForeign) fd = openSync(from, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    const readable = fd === undefined ? from : `/proc/self/fd/${fd}`
    if (isSparse(stats)) copying.copied.written += await copyExtents(readable, to, stats, signal)
    else {
      // The mode comes with the content.
      await copyWhole(readable, to)
      copying.copied.written += Number(stats.size)
    }
    finishFile(copying, fd ?? from, to, stats)
  } catch (error) {
    throw diskFault(error, shownName(joinBytes(source.name, name)), 'copy it')
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
  report({ kind: 'advance', task: 'copy', items: 1, bytes: Number(stats.size) })
}

/** In a thread of the pool that Node has for files. */
function copyWhole(from: string | Buffer, to: string | Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    copyFile(from, to, constants.COPYFILE_EXCL, (error) => (error === null ? resolve() : reject(error)))
  })
}
