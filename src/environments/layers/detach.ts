import { copyTree } from '../copy-tree.ts'
import type { Place } from '../mode.ts'
import { asideOf, isBare, switchToDirectory } from '../switch/mount.ts'
import { discard } from '../trash.ts'
import { readLayers } from './layer.ts'
import { type Below, collectLayers } from './put.ts'
import { activeStack } from './stack.ts'
import { openStack } from './view.ts'

/**
 * Copies what shows at the live directory, and puts the copy in the place of the mount in one step. Where it waits to be
 * mounted, as after a restart, the layer that it had is copied. `imageAt` gives the directory that shows a snapshot's image.
 */
export async function giveBackPlain(place: Place, imageAt?: (snapshot: string) => Promise<string>): Promise<void> {
  if (activeStack(place.live) !== undefined) return await replaceByCopy(place, place.live)
  if (!isBare(place.live)) return
  const writable = [...readLayers(place).all.values()].filter(({ keeps, of }) => keeps === undefined && of !== undefined)
  const last = writable.sort((one, other) => other.id - one.id)[0]
  // Without the image that lies below, what the layer shows is not what the live directory was.
  if (last === undefined || (last.image !== undefined && imageAt === undefined)) return
  const { id, standsOn } = last
  const image: Below['image'] =
    last.image === undefined || imageAt === undefined ? undefined : { of: last.image, at: await imageAt(last.image) }
  const shown = await openStack(place, `detached-${id}`, { standsOn: [id, ...standsOn], image })
  try {
    await replaceByCopy(place, shown.path)
  } finally {
    await shown.close()
  }
  await collectLayers(place)
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
