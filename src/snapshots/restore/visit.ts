import { readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { type Digest, Fault, isTemporary, throwIfAborted } from '../../kit/index.ts'
import { namesIn, removeEntry, splitDevice } from '../../kit/sys/index.ts'
import { makeSpecialFile } from '../attributes/index.ts'
import { knownInOrder, lookAt, type Seen } from '../stat-index/look.ts'
import { decodeEntry, encodeEntry } from '../tree/codec.ts'
import type { Entry } from '../tree/entry.ts'
import { type ByteText, joinBytes, maxDepth, shownName, spareStack, systemPath } from '../tree/name.ts'
import { readDirectory } from '../tree/split.ts'
import { fail, failUnlessAll, leave, newDirectory, touch } from './directory.ts'
import { restoreFile } from './file.ts'
import { temporaryName } from './job.ts'
import { markName } from './mark.ts'
import type { Directory, Restoring } from './restoring.ts'
import { hasOtherAttributes, settle } from './settle.ts'

/**
 * Makes a directory what the node says. What the index knows to be so is only looked at; of all else, the node is read and each entry is
 * compared. Files that lack chunks are handed on, and links are left for the end.
 */
export async function visitDirectory(restoring: Restoring, directory: Directory, node: Digest, depth = 0): Promise<void> {
  try {
    throwIfAborted(restoring.signal)
    if (depth > maxDepth) throw new Fault('corrupt', `the tree is deeper than ${maxDepth} directories`, { at: node })
    await spareStack(depth)
    const seen = lookAll(directory)
    if (isKnown(restoring, directory, node, seen)) await visitKnown(restoring, directory, seen, depth)
    else await makeSo(restoring, directory, await readDirectory(restoring.chunks, node, restoring), seen, depth)
  } catch (error) {
    directory.isBroken = true
    throw error
  } finally {
    leave(restoring, directory, 'active')
  }
}

/** The index knows all of it, as it is now and as it should be. */
function isKnown(restoring: Restoring, { known, below }: Directory, node: Digest, seen: ReadonlyMap<ByteText, Seen>): boolean {
  if (known?.node !== node || seen.size !== known.entries.length || !restoring.included.hasAllOf(below)) return false
  for (const { isSame } of seen.values()) if (!isSame) return false
  return true
}

async function visitKnown(restoring: Restoring, directory: Directory, seen: ReadonlyMap<ByteText, Seen>, depth: number): Promise<void> {
  for (const [name, live] of seen) {
    directory.same.set(name, live.known!)
    if (live.stats.isFile() && live.stats.nlink > 1n) visitKnownLink(restoring, directory, live)
    else if (!live.stats.isDirectory()) restoring.counts.unchanged++
    else
      await attempt(restoring, directory, name, () =>
        visitInner(restoring, directory, decodeEntry(live.known!.bytes) as DirectoryEntry, live, depth),
      )
  }
}

type DirectoryEntry = Entry & { readonly kind: 'directory' }

function lookAll(directory: Directory): Map<ByteText, Seen> {
  const seen = new Map<ByteText, Seen>()
  if (!directory.exists) return seen
  const find = knownInOrder(directory.known)
  for (const name of namesIn(directory.path)) {
    const entry = name === markName && directory.outer === undefined ? undefined : lookAt(joinBytes(directory.path, name), name, find(name))
    if (entry !== undefined) seen.set(name, entry)
  }
  return seen
}

/** Whether it is still a name of the file that it should be one of, which may have been moved without a trace on this one, is seen at the end. */
function visitKnownLink(restoring: Restoring, directory: Directory, { known }: Seen): void {
  const entry = decodeEntry(known!.bytes)
  if (entry.kind !== 'hardlink' || !linkLater(restoring, directory, entry)) restoring.counts.unchanged++
}

/** False where it is itself the first name of its file here. */
function linkLater(restoring: Restoring, directory: Directory, entry: Entry & { readonly kind: 'hardlink' }): boolean {
  const leader = leaderOf(restoring, entry.target, joinBytes(directory.below, entry.name))
  if (leader === undefined) return false
  directory.pending++
  restoring.links.push({ directory, entry, leader })
  return true
}

/** The entries of a directory one by one, first what has no place in it. */
export async function makeSo(
  restoring: Restoring,
  directory: Directory,
  all: readonly Entry[],
  seen: ReadonlyMap<ByteText, Seen>,
  depth: number,
): Promise<void> {
  const wanted = all.filter(({ name }) => restoring.included.has(joinBytes(directory.below, name)))
  directory.wanted = wanted
  removeForeign(restoring, directory, new Set(wanted.map(({ name }) => name)), seen)
  for (const entry of wanted) {
    await attempt(restoring, directory, entry.name, () => visitEntry(restoring, directory, entry, seen.get(entry.name), depth))
  }
}

/** Trouble with one entry is told, and the rest goes on; trouble that the next one would have too ends the whole. */
async function attempt(restoring: Restoring, directory: Directory, name: ByteText, act: () => Promise<void>): Promise<void> {
  try {
    await act()
  } catch (error) {
    failUnlessAll(restoring, directory, name, error)
  }
}

function removeForeign(restoring: Restoring, directory: Directory, wanted: ReadonlySet<ByteText>, seen: ReadonlyMap<ByteText, Seen>): void {
  const mayRemove = restoring.removesForeign && !restoring.passing.has(directory.below) && restoring.included.hasAllOf(directory.below)
  for (const name of seen.keys()) {
    if (wanted.has(name)) continue
    const isLitter = restoring.isTakenOver && isTemporary(name)
    if (!isLitter && !mayRemove) continue
    restoring.counts.removed++
    if (restoring.mark === undefined) continue
    try {
      restoring.counts.removed += removeEntry(touch(restoring, directory), name) - 1
    } catch (error) {
      fail(restoring, directory, name, error)
    }
  }
}

async function visitEntry(restoring: Restoring, directory: Directory, entry: Entry, live: Seen | undefined, depth: number): Promise<void> {
  if (directory.outer === undefined && entry.name === markName)
    throw new Fault('invalid', 'it has the name of the mark of a restore', { at: shownName(directory.path) })
  const isSame = live?.isSame === true && Buffer.compare(live.known!.bytes, encodeEntry(entry)) === 0
  if (isSame) directory.same.set(entry.name, live.known!)
  if (entry.kind === 'directory') return await visitInner(restoring, directory, entry, live, depth)
  if (entry.kind === 'hardlink' && linkLater(restoring, directory, entry)) return
  if (isSame) {
    restoring.counts.unchanged++
    return
  }
  if (entry.kind === 'file' || entry.kind === 'hardlink') return await restoreFile(restoring, directory, entry, live)
  restoreSmall(restoring, directory, entry, live)
}

/** Where the file is restored that a hard link belongs to; undefined where that is the link itself. */
function leaderOf(restoring: Restoring, target: ByteText, below: ByteText): ByteText | undefined {
  if (target.startsWith(restoring.start)) {
    const inside = target.slice(restoring.start.length)
    if (restoring.included.has(inside)) return inside
  }
  const leader = restoring.leaders.get(target)
  if (leader === undefined) restoring.leaders.set(target, below)
  return leader
}

async function visitInner(
  restoring: Restoring,
  directory: Directory,
  entry: DirectoryEntry,
  live: Seen | undefined,
  depth: number,
): Promise<void> {
  const exists = live?.stats.isDirectory() === true
  if (live !== undefined && !exists) clearWay(restoring, directory, entry.name)
  const child = live?.known?.child === undefined ? undefined : restoring.known?.directory(live.known.child)
  const inner = newDirectory(directory, entry, { exists, known: child })
  if (restoring.mark === undefined) {
    if (!exists) restoring.counts.directories++
  } else if (!exists) touch(restoring, inner)
  else if (!directory.same.has(entry.name) && hasOtherAttributes(restoring, inner.path, live!, entry)) {
    touch(restoring, inner)
    restoring.counts.attributes++
  }
  await visitDirectory(restoring, inner, entry.node, depth + 1)
}

/** What is of another kind than it should be makes room. */
function clearWay(restoring: Restoring, directory: Directory, name: ByteText): void {
  restoring.counts.removed++
  if (restoring.mark !== undefined) removeEntry(touch(restoring, directory), name)
}

type SmallEntry = Exclude<Entry, { kind: 'file' | 'hardlink' | 'directory' }>

/** Symbolic links, pipes and devices: under a temporary name first, so that there is always the old or the new. */
function restoreSmall(restoring: Restoring, directory: Directory, entry: SmallEntry, live: Seen | undefined): void {
  const isDevice = entry.kind === 'character-device' || entry.kind === 'block-device'
  if (isDevice && !restoring.allowDevices) {
    throw new Fault('denied', 'it is a device: devices are restored only with --allow-devices', {
      at: shownName(joinBytes(directory.path, entry.name)),
    })
  }
  const stands = live !== undefined && isThatAlready(directory, entry, live)
  if (stands && !hasOtherAttributes(restoring, joinBytes(directory.path, entry.name), live, entry)) {
    restoring.counts.unchanged++
    return
  }
  restoring.counts[stands ? 'attributes' : 'others']++
  if (restoring.mark === undefined) return
  const held = touch(restoring, directory)
  const final = systemPath(joinBytes(held.path, entry.name))
  if (stands) return settle(restoring, final, joinBytes(directory.path, entry.name), entry)
  if (live?.stats.isDirectory() === true) clearWay(restoring, directory, entry.name)
  const temporary = systemPath(joinBytes(held.path, temporaryName()))
  try {
    if (entry.kind === 'symlink') symlinkSync(systemPath(entry.target), temporary)
    else if (!makeSpecialFile(temporary, entry.kind, isDevice ? entry : undefined, restoring)) {
      directory.failed.add(entry.name)
      return
    }
    settle(restoring, temporary, joinBytes(directory.path, entry.name), entry)
    renameSync(temporary, final)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
}

function isThatAlready(directory: Directory, entry: SmallEntry, live: Seen): boolean {
  const { stats } = live
  if (entry.kind === 'symlink')
    return (
      stats.isSymbolicLink() && readlinkSync(systemPath(joinBytes(directory.path, entry.name)), { encoding: 'latin1' }) === entry.target
    )
  if (entry.kind === 'fifo') return stats.isFIFO()
  const { major, minor } = splitDevice(stats.rdev)
  return (
    (entry.kind === 'block-device' ? stats.isBlockDevice() : stats.isCharacterDevice()) && major === entry.major && minor === entry.minor
  )
}
