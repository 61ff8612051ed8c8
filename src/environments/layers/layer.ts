import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { rename, writeFile } from 'node:fs/promises'
import path from 'node:path'
import * as v from 'valibot'
import {
  canonicalJson,
  diskFault,
  errno,
  isFault,
  parseJson,
  replaceFile,
  type Shape,
  temporaryBeside,
  makeDirectories,
} from '../../kit/index.ts'
import type { Place } from '../mode.ts'
import { layoutOf } from '../names.ts'

/** A tree that overlays are made of: writable while one stands on it, and never changed after another layer stands on it. */
export interface Layer {
  readonly id: number
  /** The layers below, the nearest first. */
  readonly standsOn: readonly number[]
  /** The snapshot whose image lies below all of them. */
  readonly image?: string | undefined
  /** The name in the snapshots directory that its tree may lie under; otherwise it lies in the layer's own directory. */
  readonly tree?: string | undefined
  /** The snapshot that it is. */
  readonly keeps?: string | undefined
  /** The snapshot that it was made from, to be written to. */
  readonly of?: string | undefined
}

export interface Layers {
  readonly all: ReadonlyMap<number, Layer>
  /** Directories of layers whose record is not there or not whole, as a killed command or a power cut leaves them. */
  readonly unreadable: readonly number[]
}

const layerShape: Shape<Layer> = v.strictObject({
  id: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  standsOn: v.array(v.pipe(v.number(), v.safeInteger(), v.minValue(1))),
  image: v.optional(v.string()),
  tree: v.optional(v.string()),
  keeps: v.optional(v.string()),
  of: v.optional(v.string()),
})

type Home = Pick<Place, 'snapshotsDir'>

export function layerHome({ snapshotsDir }: Home, id: number): string {
  return path.join(layoutOf(snapshotsDir).layers, String(id))
}

export function workOf(place: Home, id: number): string {
  return path.join(layerHome(place, id), 'work')
}

/** Where its tree lies. Not under the snapshot's name while that is being made or removed. */
export function treeOf(place: Home, { id, tree }: Layer): string {
  const own = ownTreeOf(place, id)
  return tree === undefined || existsSync(own) ? own : layoutOf(place.snapshotsDir).tree(tree)
}

export function ownTreeOf(place: Home, id: number): string {
  return path.join(layerHome(place, id), 'upper')
}

export function readLayers(place: Home): Layers {
  const all = new Map<number, Layer>()
  const unreadable: number[] = []
  for (const id of layerIds(place)) {
    const layer = readLayer(place, id)
    if (layer === undefined) unreadable.push(id)
    else all.set(id, layer)
  }
  return { all, unreadable }
}

export function keeperOf({ all }: Layers, snapshot: string): Layer | undefined {
  return [...all.values()].find(({ keeps }) => keeps === snapshot)
}

export function freeId({ all, unreadable }: Layers): number {
  return Math.max(0, ...all.keys(), ...unreadable) + 1
}

/** Written so that it survives a power cut: what a snapshot or the only copy of a tree hangs on. */
export async function keepLayer(place: Home, layer: Layer): Promise<void> {
  await replaceFile(recordOf(place, layer.id), text(layer))
}

/** Written whole, and lost in a power cut, as the mount is that it belongs to. */
export async function noteLayer(place: Home, layer: Layer): Promise<void> {
  const target = recordOf(place, layer.id)
  const temporary = temporaryBeside(target)
  try {
    await makeDirectories(path.dirname(target))
    await writeFile(temporary, text(layer))
    await rename(temporary, target)
  } catch (error) {
    throw diskFault(error, target, 'write the record of a layer')
  }
}

function text(layer: Layer): string {
  return `${canonicalJson(layer)}\n`
}

function recordOf(place: Home, id: number): string {
  return path.join(layerHome(place, id), 'layer.json')
}

function layerIds({ snapshotsDir }: Home): number[] {
  const { layers } = layoutOf(snapshotsDir)
  try {
    return readdirSync(layers)
      .filter((name) => /^[1-9][0-9]{0,14}$/.test(name))
      .map(Number)
      .sort((one, other) => one - other)
  } catch (error) {
    if (errno(error) === 'ENOENT') return []
    throw diskFault(error, layers, 'read the layers')
  }
}

function readLayer(place: Home, id: number): Layer | undefined {
  const file = recordOf(place, id)
  try {
    const layer = parseJson(layerShape, readFileSync(file, 'utf8'), file)
    return layer.id === id ? layer : undefined
  } catch (error) {
    if (errno(error) === 'ENOENT' || isFault(error, 'corrupt')) return undefined
    throw diskFault(error, file, 'read the record of a layer')
  }
}
