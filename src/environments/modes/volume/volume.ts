import { closeSync, lstatSync, statfsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { Fault, formatBytes, isFault, shownName } from '../../../kit/index.ts'
import { realSys as sys } from '../../../kit/sys/index.ts'
import { createShortfall } from '../../../snapshots/attributes/index.ts'
import { assertNobodyInside } from '../../holders.ts'
import type { Kept, Mode, Place, Recovered } from '../../mode.ts'
import { layoutOf } from '../../names.ts'
import { asideOf, isBare, settleMounts, switchToDirectory, switchToMount } from '../../switch/mount.ts'
import { discard, sweepTrash } from '../../trash.ts'
import { cloneKept, keepTree, removeTree } from '../../trees/clones.ts'
import { copyTree } from '../../trees/copy.ts'
import { tellOmissions } from '../../trees/keep.ts'
import { readMarks } from '../../trees/marks.ts'
import { mirrorTree } from '../../trees/mirror.ts'
import { syncTree } from '../../trees/sync.ts'
import { growVolume, hasImage, makeImage, mountsOfVolume, mountVolume, removeImage, unmountVolume, volumeMount } from './image.ts'
import { activeLive, allLive, freeLive, keptNames, placeInside, prepareVolume, removeIdle, treeInside, treeMaker } from './live.ts'
import { checkVolume } from './tools.ts'

/**
 * Brings a file system whose files share their bytes to where there is none: in an image beside the snapshots. The live directory
 * is a tree in it; so are the snapshots. A restore mounts a fresh clone in its place.
 */
export function createVolumeMode(): Mode {
  return {
    name: 'volume',
    swaps: true,
    // Once the live directory is in the volume: the first create copies it there, and wants nobody inside.
    createsBesideWriters: true,
    check: checkVolume,
    create,
    async restore(place, name) {
      const base = await mountedBase(place, name)
      const fresh = freeLive(place)
      await cloneKept(place, base, placeInside(place, fresh).live)
      await show(place, fresh)
      await growVolume(place, 0)
      return { written: 0 }
    },
    open: async (place, name) => ({ path: await mountedBase(place, name), close: async () => undefined }),
    delete: forget,
    recover,
    inUse: async () => false,
    mounts: async (place) =>
      mountsOfVolume(place).map(({ at, type, source }) => ({
        at,
        kind: type,
        from: `${layoutOf(place.snapshotsDir).volumeImage} (${source})`,
      })),
    detach,
  }
}

async function create(place: Place, name: string): Promise<Kept> {
  const live = await moveIn(place)
  const inside = placeInside(place, live)
  const build = layoutOf(inside.snapshotsDir).build(`volume-${Math.floor(place.random() * 2 ** 48).toString(36)}`)
  await keepTree(inside, build, treeInside(place, name))
  await growVolume(place, 0)
  return {}
}

/** The live tree in the volume; where the live directory is a plain one, it is moved there first. */
async function moveIn(place: Place): Promise<string> {
  if (isBare(place.live)) {
    throw new Fault('not-found', 'there is nothing to keep: the live directory is not mounted, as after a restart of the machine', {
      at: place.live,
      hint: 'restore a snapshot first',
    })
  }
  const active = hasImage(place) ? activeLive(place) : undefined
  if (active !== undefined) return active
  assertNobodyInside(
    'the live directory',
    place.live,
    'stop them for the first snapshot (or let a hook do it: before_create), since what they write would stay behind',
  )
  const bytes = [...readMarks(place.live, place.signal).values()].reduce((sum, { size }) => sum + size, 0)
  assertRoom(place, bytes)
  if (!hasImage(place)) await makeImage(place, bytes)
  await mountVolume(place)
  prepareVolume(place)
  await growVolume(place, bytes)
  const fresh = freeLive(place)
  await copyVerified(place, place.live, placeInside(place, fresh).live, treeMaker(place))
  await show(place, fresh)
  return fresh
}

function assertRoom({ snapshotsDir }: Place, bytes: number): void {
  const { bavail, bsize } = statfsSync(snapshotsDir)
  const free = bavail * bsize
  if (free >= bytes) return
  throw new Fault(
    'unavailable',
    `there is no room for a volume: it takes ${formatBytes(bytes)} at first, and ${formatBytes(free)} are free`,
    {
      at: snapshotsDir,
      hint: 'free some space, or set `snapshots_dir`',
    },
  )
}

const mostPasses = 4

/** A copy that has been compared byte by byte, and was found to be the same. `busy` where the tree does not stand still. */
async function copyVerified(place: Place, from: string, to: string, make?: (directory: string) => void): Promise<void> {
  const { report, signal } = place
  const shortfall = createShortfall()
  await copyTree(from, to, { how: 'copy', shortfall, report, signal, ...(make === undefined ? {} : { make }) })
  tellOmissions(shortfall, report, 'set')
  for (let pass = 1; ; pass++) {
    const { counts } = await mirrorTree(from, to, { known: undefined, compares: true, shortfall: createShortfall(), report, signal })
    if (counts.added + counts.changed + counts.removed === 0) break
    if (pass === mostPasses)
      throw new Fault('busy', 'the live directory changes while it is copied', { at: shownName(from), hint: 'stop what writes there' })
  }
  syncTree(to)
}

/** Puts a tree of the volume in the place of what the live directory shows, in one step. */
async function show(place: Place, fresh: string): Promise<void> {
  const aside = asideOf(place)
  const mount = sys.cloneMount(placeInside(place, fresh).live)
  try {
    if ((await switchToMount(mount, place.live, aside)) === 'plain-aside') await throwAway(place, aside)
  } finally {
    closeSync(mount)
  }
  await removeIdle(place, fresh)
}

/** Also where it does not lie on the file system of the snapshots. */
async function throwAway(place: Place, tree: string): Promise<void> {
  try {
    await discard(place, tree)
  } catch (error) {
    if (!isFault(error, 'unsupported')) throw error
    await rm(tree, { recursive: true, force: true })
  }
}

async function mountedBase(place: Place, name: string): Promise<string> {
  const gone = (at: string) =>
    new Fault('corrupt', `the tree of the snapshot ${name} is gone`, { at, hint: 'delete the snapshot and make it again' })
  if (!hasImage(place)) throw gone(layoutOf(place.snapshotsDir).volumeImage)
  await mountVolume(place)
  const base = treeInside(place, name)
  if (lstatSync(base, { throwIfNoEntry: false })?.isDirectory() !== true) throw gone(base)
  return base
}

async function forget(place: Place, name: string): Promise<void> {
  if (!hasImage(place)) return
  await mountVolume(place)
  await removeTree(placeInside(place, ''), treeInside(place, name))
  removeWhereEmpty(place)
}

/** An image in which nothing is kept, and nothing lives, gives its room back. */
function removeWhereEmpty(place: Place): void {
  // Of one that is not mounted, nobody knows what is in it.
  if (volumeMount(place) === undefined) return
  if (activeLive(place) !== undefined || isBare(place.live) || keptNames(place).length > 0) return
  unmountVolume(place)
  removeImage(place)
}

async function recover(place: Place): Promise<Recovered> {
  const notes: string[] = []
  if (sys.whyMissing() !== undefined || !hasImage(place)) return { notes }
  const aside = asideOf(place)
  if ((await settleMounts(place.live, aside)) === 'plain-aside') {
    await throwAway(place, aside)
    notes.push('threw away a directory that a killed command had replaced, or had begun to build')
  }
  const isMounted = mountsOfVolume(place).length > 0
  // What is not mounted may be the last state of the live directory.
  if (isMounted && !isBare(place.live)) {
    const idle = await removeIdle(place, activeLive(place))
    if (idle > 0)
      notes.push(idle === 1 ? 'removed a tree of the volume that nothing needs' : `removed ${idle} trees of the volume that nothing needs`)
    await sweepTrash(placeInside(place, ''))
  } else if (isBare(place.live)) notes.push('the live directory is not mounted, as after a restart of the machine: restore a snapshot')
  await sweepTrash(place)
  return { notes }
}

/** Copies what shows at the live directory, and puts the copy in the place of the mount in one step. The snapshots stay in the volume. */
async function detach(place: Place): Promise<void> {
  if (!hasImage(place)) return
  const waits = isBare(place.live)
  if (waits) await mountVolume(place)
  const live = waits ? allLive(place).at(-1) : activeLive(place)
  if (live !== undefined) {
    const aside = asideOf(place)
    await copyVerified(place, placeInside(place, live).live, aside)
    await switchToDirectory(aside, place.live)
    await removeIdle(place, undefined)
  }
  removeWhereEmpty(place)
  unmountVolume(place)
}
