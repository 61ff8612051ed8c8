import { existsSync, lstatSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { diskFault, errno, Fault, makeDirectories } from '../../../kit/index.ts'
import { fileSystemType, mountsAt } from '../../../kit/sys/index.ts'
import type { Kept, Mode, Place } from '../../mode.ts'
import { buildStart, layoutOf } from '../../names.ts'
import { stepOf, switchTrees } from '../../switch/rename.ts'
import { sweepTrash } from '../../trash.ts'
import { canClone } from '../../trees/can-clone.ts'
import { cloneKept, keepTree, removeTree } from '../../trees/clones.ts'

/**
 * A snapshot is a tree whose files share their bytes with the live ones, until either changes. On btrfs it is a subvolume,
 * which costs the same whatever is in it. A restore makes such a copy again, and exchanges it with the live directory.
 */
export function createReflinkMode(): Mode {
  return {
    name: 'reflink',
    swaps: true,
    createsBesideWriters: true,
    check,
    create,
    async restore(place, name) {
      const base = baseOf(place, name)
      const build = await buildPath(place)
      await cloneKept(place, base, build)
      const outcome = await switchTrees(build, place.live)
      if (outcome === 'replaced-aside') await removeTree(place, build)
      return { written: 0 }
    },
    open: async (place, name) => ({ path: baseOf(place, name), close: async () => undefined }),
    delete: async (place, name) => await removeTree(place, layoutOf(place.snapshotsDir).tree(name)),
    recover,
    inUse: async () => false,
    mounts: async () => [],
    detach: async () => undefined,
  }
}

async function check(place: Place): Promise<void> {
  // What another mode has mounted there gives way.
  const own = mountsAt(place.live).length > 0 ? path.dirname(place.live) : place.live
  const [live, snapshots] = [firstThatIs(own), firstThatIs(layoutOf(place.snapshotsDir).home)]
  const type = fileSystemType(live)
  if (deviceOf(firstThatIs(path.dirname(place.live))) !== deviceOf(snapshots)) {
    throw new Fault(
      'unsupported',
      'Reflink mode selected but the live directory and its snapshots lie on two file systems or subvolumes.',
      {
        at: place.snapshotsDir,
        hint: 'set `snapshots_dir` to a directory beside the live one',
      },
    )
  }
  if (canClone(live, snapshots)) return
  throw new Fault('unsupported', `Reflink mode selected but the files of this file system (${type}) cannot share their bytes.`, {
    at: place.live,
    hint: 'set mode = "volume", which brings a file system that can, or move it to xfs, btrfs or bcachefs',
  })
}

function deviceOf(directory: string): bigint {
  return lstatSync(directory, { bigint: true }).dev
}

async function create(place: Place, name: string): Promise<Kept> {
  const kind = await keepTree(place, await buildPath(place), layoutOf(place.snapshotsDir).tree(name))
  return { facts: { subvolume: kind === 'subvolume' } }
}

async function recover(place: Place): Promise<{ notes: string[] }> {
  const { home } = layoutOf(place.snapshotsDir)
  const notes: string[] = []
  for (const name of await namesOf(home)) {
    if (!name.startsWith(`${buildStart}reflink-`)) continue
    await removeTree(place, path.join(home, name))
    notes.push('removed a tree that a killed command had built, or replaced')
  }
  if (existsSync(stepOf(place.live))) {
    await removeTree(place, stepOf(place.live))
    notes.push('removed a tree that a killed command had replaced, or was about to put in its place')
  }
  await sweepTrash(place)
  return { notes }
}

async function namesOf(directory: string): Promise<string[]> {
  try {
    return await readdir(directory)
  } catch (error) {
    if (errno(error) === 'ENOENT') return []
    throw diskFault(error, directory, 'look for what a killed command left')
  }
}

function baseOf(place: Place, name: string): string {
  const base = layoutOf(place.snapshotsDir).tree(name)
  const stats = lstatSync(base, { throwIfNoEntry: false })
  if (stats?.isDirectory() === true) return base
  throw new Fault('corrupt', `the tree of the snapshot ${name} is gone`, { at: base, hint: 'delete the snapshot and make it again' })
}

async function buildPath({ snapshotsDir, random }: Place): Promise<string> {
  const layout = layoutOf(snapshotsDir)
  try {
    await makeDirectories(layout.home)
  } catch (error) {
    throw diskFault(error, layout.home, 'make the snapshots directory')
  }
  return layout.build(`reflink-${Math.floor(random() * 2 ** 48).toString(36)}`)
}

/** The directory, or what it will be made in. */
function firstThatIs(directory: string): string {
  return existsSync(directory) || path.dirname(directory) === directory ? directory : firstThatIs(path.dirname(directory))
}
