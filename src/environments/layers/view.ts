import { closeSync } from 'node:fs'
import { readdir, rmdir } from 'node:fs/promises'
import path from 'node:path'
import { diskFault, errno, makeDirectories } from '../../kit/index.ts'
import { readMounts, realSys as sys } from '../../kit/sys/index.ts'
import type { OpenedTree, Place } from '../mode.ts'
import { layoutOf } from '../names.ts'
import { readLayers } from './layer.ts'
import { type Below, lowerOf } from './put.ts'
import { mountView, viewName } from './stack.ts'

/** Where stacks are shown to be read, each for as long as somebody reads. */
export function viewsOf({ snapshotsDir }: Pick<Place, 'snapshotsDir'>): string {
  return path.join(layoutOf(snapshotsDir).home, 'views')
}

/** What layers show together, to be read. */
export async function openStack(place: Place, name: string, below: Pick<Below, 'standsOn' | 'image'>): Promise<OpenedTree> {
  const lower = lowerOf(place, readLayers(place), below)
  const [only] = lower
  if (only !== undefined && lower.length === 1) return { path: only, close: async () => undefined }
  const at = path.join(viewsOf(place), name)
  const view = mountView(viewName(below.standsOn[0] ?? 0), lower, place)
  try {
    await makeDirectories(at)
    sys.attachMount(view, at, 'on-top')
  } catch (error) {
    throw diskFault(error, at, 'show a snapshot')
  } finally {
    closeSync(view)
  }
  return {
    path: at,
    async close() {
      sys.detachMount(at)
      await rmdir(at).catch(() => undefined)
    },
  }
}

/** Ends the mounts in a directory that are not needed, by the names of what they are mounted on. How many there were. */
export async function endMounts(directory: string, isNeeded: (name: string) => boolean): Promise<number> {
  let ended = 0
  for (const { at } of readMounts().toReversed()) {
    if (path.dirname(at) !== directory || isNeeded(path.basename(at))) continue
    sys.detachMount(at)
    ended++
  }
  try {
    for (const name of await readdir(directory)) if (!isNeeded(name)) await rmdir(path.join(directory, name)).catch(() => undefined)
  } catch (error) {
    if (errno(error) !== 'ENOENT') throw diskFault(error, directory, 'look for mounts')
  }
  return ended
}
