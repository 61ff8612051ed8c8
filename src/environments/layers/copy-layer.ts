import { isFault } from '../../kit/index.ts'
import { assertNobodyWrites, isMappedForWriting } from '../holders.ts'
import type { Place } from '../mode.ts'
import { isNamespaceRoot } from '../switch/namespace.ts'
import { discard } from '../trash.ts'
import { copyStill } from '../trees/keep.ts'
import { syncTree } from '../trees/sync.ts'
import { bringUpSharedNames, freezeActive } from './freeze.ts'
import { freeId, keepLayer, type Layer, layerHome, ownTreeOf, readLayers, treeOf } from './layer.ts'

/**
 * Makes what the live directory shows a snapshot: its writable layer, in one step, where nobody writes; else a copy of that layer,
 * beside those who go on to write to it. `busy` where it cannot be told that the copy is of one moment.
 */
export async function keepActive(place: Place, active: Layer, snapshot: string): Promise<void> {
  try {
    await freezeActive(place, active, snapshot)
  } catch (error) {
    if (!isFault(error, 'busy')) throw error
    assertStill(place)
    await copyActive(place, active, snapshot)
  }
}

/** Throws `busy` where files may be written to without a trace: by way of memory, or by who is outside of this namespace's sight. */
export function assertStill({ live }: Place): void {
  if (!isNamespaceRoot() && !isMappedForWriting(live)) return
  assertNobodyWrites('the live directory', live, 'stop what writes there meanwhile (a hook can do it: before_create)')
}

/** The layer has only what changed since it was put there, so that is what a copy costs. Who has files of it open keeps them. */
async function copyActive(place: Place, active: Layer, snapshot: string): Promise<void> {
  bringUpSharedNames(place, active)
  const copy: Layer = { id: freeId(readLayers(place)), standsOn: active.standsOn }
  await keepLayer(place, copy)
  const tree = ownTreeOf(place, copy.id)
  try {
    await copyStill(place, tree, { from: treeOf(place, active), how: 'copy' })
    syncTree(tree)
    await keepLayer(place, { ...copy, keeps: snapshot })
  } catch (error) {
    await discard(place, layerHome(place, copy.id))
    throw error
  }
}
