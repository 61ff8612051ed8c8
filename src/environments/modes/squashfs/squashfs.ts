import { open, rename, unlink } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { diskFault, errno, Fault, isFault, realDisk, syncDirectory, makeDirectories } from '../../../kit/index.ts'
import { mountsAt } from '../../../kit/sys/index.ts'
import { whyNoOverlay } from '../../layers/check.ts'
import { giveBackPlain } from '../../layers/detach.ts'
import { collectLayers, putLayer, standsOnSnapshot } from '../../layers/put.ts'
import { mountsOf, recoverLayers } from '../../layers/recover.ts'
import { endMounts, viewsOf } from '../../layers/view.ts'
import type { Given, Kept, Mode, ModeRestoreOptions, OpenedTree, Place } from '../../mode.ts'
import { layoutOf } from '../../names.ts'
import { asideOf, isBare, switchToDirectory } from '../../switch/mount.ts'
import { switchTrees } from '../../switch/rename.ts'
import { discard } from '../../trash.ts'
import { checkImage, digestImage, hideImage, showImage, verifyImage } from './image.ts'
import { checkTools, packTree, unpackTree } from './tools.ts'

/**
 * Keeps the live directory in an image, packed by mksquashfs. A restore lays an empty layer over the mounted image and does
 * not depend on its size; where nothing can be mounted, the image is unpacked aside and takes the place in one step. Times
 * are whole seconds from 1970 to 2106, and access control lists are not kept: so is the format.
 */
export function createSquashfsMode(): Mode {
  return {
    name: 'squashfs',
    swaps: true,
    createsBesideWriters: false,
    timesInSeconds: true,
    check: checkTools,
    create: packLive,
    restore: giveBack,
    open: openSnapshot,
    verify: verifyImage,
    async delete(place, name) {
      hideImage(place, name)
      const image = layoutOf(place.snapshotsDir).image(name)
      try {
        await unlink(image)
      } catch (error) {
        if (errno(error) !== 'ENOENT') throw diskFault(error, image, 'delete the image')
      }
    },
    async recover(place) {
      const layout = layoutOf(place.snapshotsDir)
      await endMounts(layout.mounts, (name) => existsSync(layout.image(name)))
      await endMounts(viewsOf(place), () => false)
      return { notes: await recoverLayers(place) }
    },
    inUse: async (place, name) => standsOnSnapshot(place, name),
    mounts: async (place) => mountsOf(place),
    async detach(place) {
      await giveBackPlain(place, async (snapshot) => await showImage(place, snapshot))
      await endMounts(layoutOf(place.snapshotsDir).mounts, () => false)
    },
  }
}

async function packLive(place: Place, name: string): Promise<Kept> {
  if (isBare(place.live)) {
    throw new Fault('not-found', 'there is nothing to keep: the live directory is not mounted, as after a restart of the machine', {
      at: place.live,
      hint: 'restore a snapshot first',
    })
  }
  const layout = layoutOf(place.snapshotsDir)
  const built = layout.build(`${name}.sqfs`)
  const image = layout.image(name)
  try {
    await makeDirectories(layout.home)
    await packTree(place, built)
    const [{ digest, bytes }] = await Promise.all([digestImage(built, place.signal), writeOut(built)])
    await rename(built, image)
    await syncDirectory(realDisk, place.snapshotsDir)
    return { stored: bytes, digest, facts: { compression: place.settings.squashfsCompression } }
  } catch (error) {
    await unlink(built).catch(() => undefined)
    throw diskFault(error, image, 'make the image')
  }
}

async function giveBack(place: Place, name: string, { kept, checksum }: ModeRestoreOptions): Promise<Given> {
  await checkImage(place, name, kept)
  if (checksum === true) await verifyImage(place, name, kept)
  const shown = await tryToShow(place, name)
  if ('at' in shown) {
    await putLayer(place, { standsOn: [], image: { of: name, at: shown.at }, of: name })
    return { written: 0 }
  }
  place.report({ kind: 'note', level: 'info', text: `the image is unpacked, since it cannot be mounted: ${shown.why}` })
  const aside = asideOf(place)
  try {
    await unpackTree(place, layoutOf(place.snapshotsDir).image(name), aside)
    if (mountsAt(place.live).length > 0) await switchToDirectory(aside, place.live)
    else await switchTrees(aside, place.live)
  } finally {
    await discard(place, aside)
  }
  await collectLayers(place)
  return { written: kept.stored ?? 0 }
}

async function openSnapshot(place: Place, name: string): Promise<OpenedTree> {
  const shown = await tryToShow(place, name)
  if ('at' in shown) return { path: shown.at, close: async () => undefined }
  const layout = layoutOf(place.snapshotsDir)
  const built = layout.build(`${name}-opened`)
  await unpackTree(place, layout.image(name), built)
  return { path: built, close: async () => await discard(place, built) }
}

/** Where the image shows, or why it cannot be mounted. */
async function tryToShow(place: Place, name: string): Promise<{ readonly at: string } | { readonly why: string }> {
  const missing = whyNoOverlay(place)
  if (missing !== undefined) return { why: `${missing.why} (${missing.hint})` }
  try {
    return { at: await showImage(place, name) }
  } catch (error) {
    if (isFault(error, 'unsupported') || isFault(error, 'denied')) return { why: error.message }
    throw error
  }
}

async function writeOut(image: string): Promise<void> {
  await using file = await open(image)
  await file.sync()
}
