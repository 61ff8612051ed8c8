import { existsSync } from 'node:fs'
import { rename } from 'node:fs/promises'
import path from 'node:path'
import { diskFault, makeDirectories } from '../../kit/index.ts'
import { readMounts, realSys as sys } from '../../kit/sys/index.ts'
import type { MountState, Place } from '../mode.ts'
import { layoutOf } from '../names.ts'
import { asideOf, clearAside, isBare, settleMounts } from '../switch/mount.ts'
import { rememberTime } from '../switch/rename.ts'
import { discard, sweepTrash } from '../trash.ts'
import { thaw } from './freeze.ts'
import { keepLayer, type Layer, layerHome, ownTreeOf, readLayers } from './layer.ts'
import { collectLayers } from './put.ts'
import { activeStack } from './stack.ts'
import { viewsOf } from './view.ts'

/** Puts right what a killed command left of layers and mounts, and says what. What the live directory shows stays. */
export async function recoverLayers(place: Place): Promise<string[]> {
  const notes: string[] = []
  // A user that may not mount has left no mounts.
  if (sys.whyMissing() !== undefined) return notes
  const aside = asideOf(place)
  if ((await settleMounts(place.live, aside)) === 'plain-aside') {
    await discard(place, aside)
    notes.push('threw away a directory that a killed command had replaced')
  }
  for (const layer of readLayers(place).all.values())
    if (await settleLayer(place, layer)) notes.push(`put a layer in its place: ${layer.id}`)
  const active = activeStack(place.live)
  if (active?.isView === true) {
    await thaw(place, active.id, readLayers(place).all.get(active.id)?.keeps ?? '')
    notes.push('made the live directory writable again, after a create that was killed')
  } else if (active?.isReadOnly === true) {
    sys.setMountReadOnly(place.live, false)
    notes.push('made the live directory writable again, after a create that was killed')
  }
  const idle = await collectLayers(place)
  if (idle > 0) notes.push(idle === 1 ? 'threw away a layer that nothing stands on' : `threw away ${idle} layers that nothing stands on`)
  if (isBare(place.live)) {
    notes.push('the live directory is not mounted, as after a restart of the machine: restore a snapshot')
  }
  await sweepTrash(place)
  return notes
}

/** A tree that was on its way to or from the name of a snapshot goes back to its layer. */
async function settleLayer(place: Place, layer: Layer): Promise<boolean> {
  const own = ownTreeOf(place, layer.id)
  clearAside(own)
  if (layer.tree === undefined || layer.keeps !== undefined) return false
  const named = layoutOf(place.snapshotsDir).tree(layer.tree)
  try {
    if (!existsSync(own) && existsSync(named)) {
      await makeDirectories(layerHome(place, layer.id))
      const keepTime = rememberTime(named)
      await rename(named, own)
      keepTime(own)
    }
  } catch (error) {
    throw diskFault(error, named, 'put a layer in its place')
  }
  const { id, standsOn, image, of } = layer
  await keepLayer(place, { id, standsOn, image, of })
  return true
}

/** What is mounted for an environment. */
export function mountsOf({ live, snapshotsDir }: Pick<Place, 'live' | 'snapshotsDir'>): MountState[] {
  const shown = new Set([layoutOf(snapshotsDir).mounts, viewsOf({ snapshotsDir })])
  return readMounts()
    .filter(({ at, source }) => shown.has(path.dirname(at)) || (at === live && source.startsWith('holdfast')))
    .map(({ at, type, source }) => ({ at, kind: type, from: source }))
}
