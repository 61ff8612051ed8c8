import { closeSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import path from 'node:path'
import { realSys as sys } from '../../kit/sys/index.ts'
import { copyTree } from '../copy-tree.ts'
import type { Place } from '../mode.ts'
import { asideOf, isBare, switchToDirectory } from '../switch/mount.ts'
import { discard } from '../trash.ts'
import { type Layer, readLayers, treeOf, workOf } from './layer.ts'
import { type Below, collectLayers, lowerOf } from './put.ts'
import { activeStack, mountStack, stackName } from './stack.ts'

/**
 * Copies what shows at the live directory, and puts the copy in the place of the mount in one step. Where it waits to be
 * mounted, as after a restart, the layer that it had is mounted again first. `imageAt` gives the directory that shows a snapshot's image.
 */
export async function giveBackPlain(place: Place, imageAt?: (snapshot: string) => Promise<string>): Promise<void> {
  if (activeStack(place.live) !== undefined) return await replaceByCopy(place, place.live)
  if (!isBare(place.live)) return
  const writable = [...readLayers(place).all.values()].filter(({ keeps, of }) => keeps === undefined && of !== undefined)
  const last = writable.sort((one, other) => other.id - one.id)[0]
  // Without the image that lies below, what the layer shows is not what the live directory was.
  if (last === undefined || (last.image !== undefined && imageAt === undefined)) return
  await mountAgain(place, last, imageAt)
  await replaceByCopy(place, place.live)
}

/** As it was mounted before: only so are the names of one file together that were names of one file below. */
async function mountAgain(place: Place, layer: Layer, imageAt?: (snapshot: string) => Promise<string>): Promise<void> {
  const { id, standsOn } = layer
  const image: Below['image'] =
    layer.image === undefined || imageAt === undefined ? undefined : { of: layer.image, at: await imageAt(layer.image) }
  const work = workOf(place, id)
  // The kernel's note that nobody waited for the disk: what a restart of the machine has lost is lost.
  await rm(path.join(work, 'work/incompat'), { recursive: true, force: true })
  const lower = lowerOf(place, readLayers(place), { standsOn, image })
  const mount = await mountStack(stackName(id), { lower, upper: treeOf(place, layer), work }, place)
  try {
    sys.attachMount(mount, place.live, 'on-top')
  } finally {
    closeSync(mount)
  }
}

async function replaceByCopy(place: Place, from: string): Promise<void> {
  const aside = asideOf(place)
  try {
    await copyTree(from, aside, 'copy', place.signal, place.lock)
    await switchToDirectory(aside, place.live)
  } catch (error) {
    await discard(place, aside)
    throw error
  }
  await collectLayers(place)
}
