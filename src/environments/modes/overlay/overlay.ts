import { closeSync, existsSync, statSync } from 'node:fs'
import { rename } from 'node:fs/promises'
import path from 'node:path'
import { diskFault, Fault, realDisk, syncDirectory, makeDirectories } from '../../../kit/index.ts'
import { mountsAt } from '../../../kit/sys/index.ts'
import { assertNobodyInside } from '../../holders.ts'
import { checkOverlay } from '../../layers/check.ts'
import { giveBackPlain } from '../../layers/detach.ts'
import { assertStill, keepActive } from '../../layers/copy-layer.ts'
import { freeId, keeperOf, keepLayer, type Layer, layerHome, ownTreeOf, readLayers, treeOf } from '../../layers/layer.ts'
import { collectLayers, prepareLayer, putLayer, standsOnSnapshot } from '../../layers/put.ts'
import { mountsOf, recoverLayers } from '../../layers/recover.ts'
import { activeStack } from '../../layers/stack.ts'
import { endMounts, openStack, viewsOf } from '../../layers/view.ts'
import type { Kept, Mode, OpenedTree, Place } from '../../mode.ts'
import { layoutOf } from '../../names.ts'
import { isBare, mountHolding, switchToMount } from '../../switch/mount.ts'
import { isNamespaceRoot } from '../../switch/namespace.ts'
import { rememberTime } from '../../switch/rename.ts'
import { copyStill } from '../../trees/keep.ts'

/** Layers that lie upon each other before a snapshot is copied to stand alone: each makes looking up a name slower. */
const maxDepth = 8

/**
 * Keeps the live directory as the read-only base of an overlay, and throws the writable layer away in a restore. Neither
 * depends on the size: the live directory itself becomes the base, and a later snapshot is the layer of that moment.
 */
export function createOverlayMode(): Mode {
  return {
    name: 'overlay',
    swaps: true,
    // The first create, which takes the live directory itself, wants nobody inside; a later one copies the layer that is written to.
    createsBesideWriters: true,
    check: async (place) => checkOverlay(place),
    create: keepLive,
    async restore(place, name) {
      const { id, standsOn } = wholeKeeper(place, name)
      await putLayer(place, { standsOn: [id, ...standsOn], of: name })
      return { written: 0 }
    },
    open: openSnapshot,
    delete: removeSnapshot,
    inUse: async (place, name) => standsOnSnapshot(place, name),
    mounts: async (place) => mountsOf(place),
    detach: giveBackPlain,
    async recover(place) {
      await endMounts(viewsOf(place), () => false)
      return { notes: await recoverLayers(place) }
    },
  }
}

async function keepLive(place: Place, name: string): Promise<Kept> {
  if (isBare(place.live)) {
    throw new Fault('not-found', 'there is nothing to keep: the live directory is not mounted, as after a restart of the machine', {
      at: place.live,
      hint: 'restore a snapshot first',
    })
  }
  const layers = readLayers(place)
  const active = activeStack(place.live)
  const layer = active && layers.all.get(active.id)
  if (layer !== undefined && layer.image === undefined && layer.standsOn.length < maxDepth) {
    await keepActive(place, layer, name)
    return { facts: { layers: layer.standsOn.length + 1 } }
  }
  const sameMount = mountHolding(path.dirname(place.live))?.id === mountHolding(place.snapshotsDir)?.id
  if (mountsAt(place.live).length === 0 && sameMount && !isNamespaceRoot()) await adoptLive(place, name)
  else await copyLive(place, name)
  return { facts: { layers: 1 } }
}

/** The live directory goes to the snapshot's name as it is, and an overlay upon it takes its place, in one step. */
async function adoptLive(place: Place, name: string): Promise<void> {
  // Whoever is inside would go on to write into the base.
  assertNobodyInside(
    'the live directory',
    place.live,
    'stop them for the first snapshot (or let a hook do it: before_create), since they would write into it',
  )
  const base: Layer = { id: freeId(readLayers(place)), standsOn: [], tree: name }
  await keepLayer(place, base)
  const below = { standsOn: [base.id], of: name }
  const { layer, mount } = await prepareLayer(place, readLayers(place), below, [place.live])
  try {
    // The only copy of the tree hangs on it, if the machine stops before the snapshot has its record.
    await keepLayer(place, layer)
    await switchToMount(mount, place.live, ownTreeOf(place, base.id))
  } finally {
    closeSync(mount)
  }
  await nameBase(place, base, name)
}

/** Where the live directory cannot become a base itself: on another file system, too deep already, or seen from outside of a user namespace. */
async function copyLive(place: Place, name: string): Promise<void> {
  assertStill(place)
  const base: Layer = { id: freeId(readLayers(place)), standsOn: [], tree: name }
  await keepLayer(place, base)
  await copyStill(place, ownTreeOf(place, base.id), { from: place.live, how: 'copy' })
  await nameBase(place, base, name)
}

/** From here on it is a snapshot. */
async function nameBase(place: Place, base: Layer, name: string): Promise<void> {
  const tree = layoutOf(place.snapshotsDir).tree(name)
  try {
    const keepTime = rememberTime(ownTreeOf(place, base.id))
    await rename(ownTreeOf(place, base.id), tree)
    keepTime(tree)
    await syncDirectory(realDisk, place.snapshotsDir)
  } catch (error) {
    throw diskFault(error, tree, 'give the snapshot its name')
  }
  await keepLayer(place, { ...base, keeps: name })
}

/** The layer of a snapshot, with all that it stands on; `corrupt` where something of it is not there. */
function wholeKeeper(place: Place, name: string): Layer {
  const layers = readLayers(place)
  const keeper = keeperOf(layers, name)
  const damaged = (what: string, at: string) =>
    new Fault('corrupt', `the snapshot ${name} is damaged: ${what} is not there`, { at, hint: 'delete it and make it again' })
  if (keeper === undefined) throw damaged('its layer', layoutOf(place.snapshotsDir).layers)
  for (const id of [keeper.id, ...keeper.standsOn]) {
    const layer = layers.all.get(id)
    const tree = layer === undefined ? layerHome(place, id) : treeOf(place, layer)
    if (layer === undefined || statSync(tree, { throwIfNoEntry: false })?.isDirectory() !== true) throw damaged('a tree of it', tree)
  }
  return keeper
}

async function openSnapshot(place: Place, name: string): Promise<OpenedTree> {
  const { id, standsOn } = wholeKeeper(place, name)
  return await openStack(place, name, { standsOn: [id, ...standsOn] })
}

/** What others stand on stays as a layer without a name. */
async function removeSnapshot(place: Place, name: string): Promise<void> {
  const keeper = keeperOf(readLayers(place), name)
  if (keeper === undefined) return
  const { id, standsOn, of } = keeper
  const [named, own] = [layoutOf(place.snapshotsDir).tree(name), ownTreeOf(place, id)]
  try {
    if (keeper.tree !== undefined && !existsSync(own) && existsSync(named)) {
      await makeDirectories(layerHome(place, id))
      const keepTime = rememberTime(named)
      await rename(named, own)
      keepTime(own)
    }
  } catch (error) {
    throw diskFault(error, named, 'take the name of a snapshot away')
  }
  await keepLayer(place, { id, standsOn, of })
  await collectLayers(place)
}
