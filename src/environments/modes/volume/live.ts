import { mkdirSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { diskFault, errno, makeDirectoriesSync } from '../../../kit/index.ts'
import { mountsAt, realSys as sys } from '../../../kit/sys/index.ts'
import type { Place } from '../../mode.ts'
import { layoutOf } from '../../names.ts'
import { removeTree } from '../../trees/clones.ts'
import { volumeMount } from './image.ts'

/** What lies in the volume: snapshots by their names, and live trees by their numbers, of which the highest is the last. */
const snapshotsName = 'snapshots'
const liveStart = 'live-'

/** The volume as a place of its own, with the live tree that is mounted, or is to be. */
export function placeInside(place: Place, live: string): Place {
  return { ...place, live: path.join(layoutOf(place.snapshotsDir).volume, live), snapshotsDir: layoutOf(place.snapshotsDir).volume }
}

export function treeInside(place: Place, name: string): string {
  return path.join(layoutOf(place.snapshotsDir).volume, snapshotsName, name)
}

/** Makes the folders of a volume that is mounted for the first time. */
export function prepareVolume(place: Place): void {
  const { volume } = layoutOf(place.snapshotsDir)
  for (const directory of [path.join(volume, snapshotsName), layoutOf(volume).home]) {
    try {
      makeDirectoriesSync(directory, { mode: 0o700 })
    } catch (error) {
      throw diskFault(error, directory, 'make a directory in the volume')
    }
  }
}

/** Makes an empty tree: a subvolume where there are any. */
export function treeMaker(place: Place): (directory: string) => void {
  return volumeMount(place)?.type === 'btrfs' ? sys.createSubvolume : (directory) => mkdirSync(directory, { mode: 0o700 })
}

/** The live tree that is mounted at the live directory now. */
export function activeLive(place: Pick<Place, 'live' | 'snapshotsDir'>): string | undefined {
  const [top, volume] = [mountsAt(place.live).at(-1), volumeMount(place)]
  if (top === undefined || volume === undefined || top.device !== volume.device) return undefined
  const name = path.basename(top.root)
  return isLive(name) ? name : undefined
}

function isLive(name: string): boolean {
  return /^live-\d+$/.test(name)
}

/** The live trees in the mounted volume, the last one at the end. */
export function allLive({ snapshotsDir }: Place): string[] {
  return namesIn(layoutOf(snapshotsDir).volume)
    .filter(isLive)
    .sort((one, other) => numberOf(one) - numberOf(other))
}

export function freeLive(place: Place): string {
  return `${liveStart}${numberOf(allLive(place).at(-1) ?? `${liveStart}0`) + 1}`
}

function numberOf(live: string): number {
  return Number(live.slice(liveStart.length))
}

export function keptNames(place: Place): string[] {
  return namesIn(treeInside(place, ''))
}

/** Live trees but this one, and what was being built, go. How many there were. */
export async function removeIdle(place: Place, active: string | undefined): Promise<number> {
  const { volume } = layoutOf(place.snapshotsDir)
  const built = namesIn(layoutOf(volume).home)
    .filter((name) => name.startsWith('build-'))
    .map((name) => path.join(layoutOf(volume).home, name))
  const idle = [
    ...allLive(place)
      .filter((name) => name !== active)
      .map((name) => path.join(volume, name)),
    ...built,
  ]
  for (const tree of idle) await removeTree(placeInside(place, active ?? ''), tree)
  return idle.length
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch (error) {
    if (errno(error) === 'ENOENT') return []
    throw diskFault(error, directory, 'look into the volume')
  }
}
