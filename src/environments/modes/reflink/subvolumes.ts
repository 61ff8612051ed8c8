import { lstatSync } from 'node:fs'
import { byteText, isFault } from '../../../kit/index.ts'
import { fileSystemType, type Held, holdInner, holdTop, letGo, namesIn, realSys as sys } from '../../../kit/sys/index.ts'
import type { Place } from '../../mode.ts'
import { discard } from '../../trash.ts'
import { statsIn } from '../../trees/entry.ts'
import { cloneStill } from '../../trees/keep.ts'

/** Whether subvolumes can be made in a directory. */
export function showsSubvolumes(directory: string): boolean {
  return fileSystemType(directory) === 'btrfs'
}

/**
 * Keeps the live tree as a subvolume, which gets its name in one step: at once where it is one itself, else with files that
 * share their bytes, by way of `build`.
 */
export async function keepAsSubvolume(place: Place, build: string, tree: string): Promise<void> {
  // Only root may remove one that nobody can write to.
  const options = { readOnly: process.geteuid?.() === 0 }
  if (isWholeSubvolume(place.live)) return sys.snapshotSubvolume(place.live, tree, options)
  await cloneStill(place, build, sys.createSubvolume)
  sys.snapshotSubvolume(build, tree, options)
  await removeTree(place, build)
}

/** False where the base is no subvolume. */
export function restoreSubvolume(base: string, build: string): boolean {
  if (!sys.isSubvolume(base)) return false
  sys.snapshotSubvolume(base, build)
  return true
}

/** Removes a tree: a subvolume at once, any other in the background. Nothing to do where there is none. */
export async function removeTree(place: Place, tree: string): Promise<void> {
  if (sys.isSubvolume(tree)) {
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
  if (!sys.isSubvolume(directory)) return false
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
