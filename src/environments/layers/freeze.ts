import { closeSync, constants, lstatSync, openSync, readdirSync } from 'node:fs'
import { diskFault, errno } from '../../kit/index.ts'
import { realSys as sys } from '../../kit/sys/index.ts'
import type { Place } from '../mode.ts'
import { asideOf, switchToMount } from '../switch/mount.ts'
import { discard } from '../trash.ts'
import { keepLayer, type Layer, ownTreeOf, readLayers, treeOf, workOf } from './layer.ts'
import { type Below, lowerOf, prepareLayer } from './put.ts'
import { mountView, viewName } from './stack.ts'

/**
 * Makes the layer that the live directory writes to a snapshot, and puts an empty one upon it; what shows stays the same at
 * every moment. Throws `busy` where a file is open for writing. The layer below must have no image.
 */
export async function freezeActive(place: Place, active: Layer, snapshot: string): Promise<void> {
  bringUpSharedNames(place, active)
  sys.setMountReadOnly(place.live, true)
  try {
    writeOut(treeOf(place, active))
    await keepLayer(place, { ...active, keeps: snapshot })
    await showView(place, active)
  } catch (error) {
    await keepLayer(place, active)
    sys.setMountReadOnly(place.live, false)
    throw error
  }
  await thaw(place, active.id, snapshot)
}

/** Puts an empty layer upon the one that a view shows at the live directory: from then on it is written to again. */
export async function thaw(place: Place, id: number, of: string): Promise<void> {
  const layers = readLayers(place)
  const frozen = layers.all.get(id)
  const below: Below = { standsOn: [id, ...(frozen?.standsOn ?? [])], of }
  // What is there is an index of names that only the overlay over it had use for, and it makes them count as further links.
  await discard(place, workOf(place, id))
  const { mount } = await prepareLayer(place, layers, below, lowerOf(place, layers, below))
  try {
    await switchToMount(mount, place.live, asideOf(place))
  } finally {
    closeSync(mount)
  }
}

/** The kernel wants a layer that is written to under one overlay at most: so for a moment one shows that writes to none. */
async function showView(place: Place, { id, standsOn }: Layer): Promise<void> {
  const view = mountView(viewName(id), lowerOf(place, readLayers(place), { standsOn: [id, ...standsOn] }), place)
  try {
    await switchToMount(view, place.live, asideOf(place))
  } finally {
    closeSync(view)
  }
}

function writeOut(tree: string): void {
  const fd = openSync(tree, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    sys.flushFileSystem(fd)
  } finally {
    closeSync(fd)
  }
}

/**
 * A file with several names may have been copied into the layer under some of them: the overlay knows by its index that the
 * others are the same file, and a layer has none. So the others are brought up too, which copies no bytes.
 */
export function bringUpSharedNames(place: Place, { id }: Layer): void {
  const index = `${workOf(place, id)}/index`
  if (namesIn(Buffer.from(index)).length === 0) return
  const live = Buffer.from(place.live)
  const upper = Buffer.from(ownTreeOf(place, id))
  const shared = new Set<string>()
  for (const below of filesWithMoreNames(upper)) shared.add(identity(join(live, below)))
  for (const below of filesWithMoreNames(live)) {
    const file = join(live, below)
    // Giving it the time that it has: to open it for writing might copy its bytes and give it a new one.
    if (shared.has(identity(file))) sys.setTimes(file, { modifiedNs: lstatSync(file, { bigint: true }).mtimeNs })
  }
}

function identity(file: Buffer): string {
  const { dev, ino } = lstatSync(file, { bigint: true })
  return `${dev}:${ino}`
}

/** Paths below the root, in bytes. */
function* filesWithMoreNames(root: Buffer): Generator<Buffer> {
  const directories: (Buffer | undefined)[] = [undefined]
  for (let directory = directories.pop(), first = true; first || directory !== undefined; directory = directories.pop(), first = false) {
    for (const name of namesIn(directory === undefined ? root : join(root, directory))) {
      const below = directory === undefined ? name : join(directory, name)
      const stats = lstatSync(join(root, below))
      if (stats.isDirectory()) directories.push(below)
      else if (stats.isFile() && stats.nlink > 1) yield below
    }
  }
}

function namesIn(directory: Buffer): Buffer[] {
  try {
    return readdirSync(directory, { encoding: 'buffer' })
  } catch (error) {
    if (errno(error) === 'ENOENT') return []
    throw diskFault(error, directory.toString(), 'read a layer')
  }
}

const slash = Buffer.from('/')

function join(directory: Buffer, name: Buffer): Buffer {
  return Buffer.concat([directory, slash, name])
}
