import { closeSync } from 'node:fs'
import { diskFault, makeDirectories } from '../../kit/index.ts'
import type { Place } from '../mode.ts'
import { asideOf, isBare, switchToMount } from '../switch/mount.ts'
import { discard } from '../trash.ts'
import { freeId, type Layer, type Layers, layerHome, noteLayer, ownTreeOf, readLayers, treeOf, workOf } from './layer.ts'
import { activeStack, copyRootAttributes, mountStack, stackName } from './stack.ts'

/** What a new layer is put upon. `image` is the directory at which the image of that snapshot shows. */
export interface Below {
  readonly standsOn: readonly number[]
  readonly image?: { readonly of: string; readonly at: string } | undefined
  /** The snapshot that the live directory then is. */
  readonly of: string
}

/** A layer that is ready to be mounted, with nothing in it. */
export interface Prepared {
  readonly layer: Layer
  /** The mount, standing nowhere yet. The caller closes it. */
  readonly mount: number
}

/** The directories that a layer stands on, the nearest first. */
export function lowerOf(place: Place, { all }: Layers, { standsOn, image }: Pick<Below, 'standsOn' | 'image'>): string[] {
  const trees = standsOn.flatMap((id) => {
    const layer = all.get(id)
    return layer === undefined ? [] : [treeOf(place, layer)]
  })
  return image === undefined ? trees : [...trees, image.at]
}

/** Makes an empty layer and its overlay. Nothing is left of it where that fails. */
export async function prepareLayer(place: Place, layers: Layers, below: Below, lower: readonly string[]): Promise<Prepared> {
  const id = freeId(layers)
  const layer: Layer = { id, standsOn: below.standsOn, of: below.of, ...(below.image && { image: below.image.of }) }
  const [upper, work] = [ownTreeOf(place, id), workOf(place, id)]
  try {
    try {
      await makeDirectories(upper)
      await makeDirectories(work)
    } catch (error) {
      throw diskFault(error, layerHome(place, id), 'make a layer')
    }
    copyRootAttributes(lower[0]!, upper)
    await noteLayer(place, layer)
    return { layer, mount: await mountStack(stackName(id), { lower, upper, work }, place) }
  } catch (error) {
    await discard(place, layerHome(place, id))
    throw error
  }
}

/** The live directory becomes an empty layer upon what is below, in one step. What stood there is thrown away. */
export async function putLayer(place: Place, below: Below): Promise<void> {
  const layers = readLayers(place)
  const { mount } = await prepareLayer(place, layers, below, lowerOf(place, layers, below))
  const aside = asideOf(place)
  try {
    if ((await switchToMount(mount, place.live, aside)) === 'plain-aside') await discard(place, aside)
  } finally {
    closeSync(mount)
  }
  await collectLayers(place)
}

/**
 * Throws away every layer that is no snapshot, is not what the live directory stands on, and has no such layer upon it. None
 * while the live directory waits to be mounted again, since its content is in one of them. How many went.
 */
export async function collectLayers(place: Place): Promise<number> {
  if (isBare(place.live)) return 0
  const { all, unreadable } = readLayers(place)
  const needed = new Set<number>()
  const need = (id: number | undefined) => {
    const layer = id === undefined ? undefined : all.get(id)
    if (layer === undefined || needed.has(layer.id)) return
    needed.add(layer.id)
    layer.standsOn.forEach(need)
  }
  const active = activeStack(place.live)?.id
  need(active)
  for (const { id, keeps } of all.values()) if (keeps !== undefined) need(id)
  const idle = [...all.keys(), ...unreadable].filter((id) => !needed.has(id) && id !== active)
  for (const id of idle) await discard(place, layerHome(place, id))
  return idle.length
}

/** Whether the live directory, mounted or waiting to be, stands on the layer or image of a snapshot. */
export function standsOnSnapshot(place: Place, snapshot: string): boolean {
  const { all, unreadable } = readLayers(place)
  const stands = ({ id, standsOn, image }: Layer) =>
    image === snapshot || [id, ...standsOn].some((each) => all.get(each)?.keeps === snapshot)
  const active = activeStack(place.live)
  if (active !== undefined) {
    const layer = all.get(active.id)
    return layer === undefined || stands(layer)
  }
  if (!isBare(place.live)) return false
  return unreadable.length > 0 || [...all.values()].some((layer) => layer.keeps === undefined && stands(layer))
}
