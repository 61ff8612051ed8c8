import { lstatSync } from 'node:fs'
import path from 'node:path'
import { byteText, isFault } from '../../kit/index.ts'
import { fileSystemType, type Held, holdInner, holdTop, isSubvolume, letGo, namesIn, realSys as sys } from '../../kit/sys/index.ts'
import { createShortfall } from '../../snapshots/attributes/index.ts'
import type { Place } from '../mode.ts'
import { placeTree } from '../switch/rename.ts'
import { discard } from '../trash.ts'
import { copyTree } from './copy.ts'
import { statsIn } from './entry.ts'
import { cloneStill, tellOmissions } from './keep.ts'
import { syncTree } from './sync.ts'

/**
 * Keeps the live tree under a name, with files that share their bytes, by way of `build`. On btrfs it becomes a subvolume,
 * and where it is one itself, that costs the same whatever is in it.
 */
export async function keepTree(place: Place, build: string, tree: string): Promise<'subvolume' | 'directory'> {
  if (fileSystemType(path.dirname(build)) === 'btrfs') {
    await keepAsSubvolume(place, build, tree)
    return 'subvolume'
  }
  await cloneStill(place, build)
  syncTree(build)
  await placeTree(build, tree)
  return 'directory'
}

/** The subvolume gets its name in one step, since one that nobody can write to cannot be moved. */
async function keepAsSubvolume(place: Place, build: string, tree: string): Promise<void> {
  // Only root may remove one that nobody can write to.
  const options = { readOnly: process.geteuid?.() === 0 }
  if (isWholeSubvolume(place.live)) return sys.snapshotSubvolume(place.live, tree, options)
  await cloneStill(place, build, sys.createSubvolume)
  sys.snapshotSubvolume(build, tree, options)
  await removeTree(place, build)
}

/** Makes a tree that is what a kept one is, under a free name: at once where that is a subvolume. */
export async function cloneKept({ report, signal }: Place, base: string, build: string): Promise<void> {
  if (isSubvolume(base)) return sys.snapshotSubvolume(base, build)
  const shortfall = createShortfall()
  await copyTree(base, build, { how: 'clone', shortfall, report, signal })
  tellOmissions(shortfall, report, 'set')
}

/** Removes a tree: a subvolume at once, any other in the background. Nothing to do where there is none. */
export async function removeTree(place: Place, tree: string): Promise<void> {
  if (isSubvolume(tree)) {
    try {
      return sys.deleteSubvolume(tree)
    } catch (error) {
      // Not everybody may, and one that has others in it cannot go at once: entry by entry they can.
      if (!isFault(error, 'denied') && !isFault(error, 'invalid') && !isFault(error, 'unavailable')) throw error
    }
  }
  await discard(place, tree)
}

/** A subvolume with nothing of other devices or subvolumes in it, which a snapshot of it would not have. */
function isWholeSubvolume(directory: string): boolean {
  if (!isSubvolume(directory)) return false
  const top = holdTop(byteText(directory))
  return isOfOneDevice(top, lstatSync(directory, { bigint: true }).dev)
}

function isOfOneDevice(held: Held, device: bigint): boolean {
  try {
    return namesIn(held.path).every((name) => {
      const stats = statsIn(held, name)
      return stats.dev === device && (!stats.isDirectory() || isOfOneDevice(holdInner(held, name), device))
    })
  } finally {
    letGo(held)
  }
}
