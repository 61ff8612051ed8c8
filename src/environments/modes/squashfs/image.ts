import { closeSync, existsSync, readFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import path from 'node:path'
import { diskFault, type Digest, errno, Fault, hasher, isFault, makeDirectories } from '../../../kit/index.ts'
import { mountsAt, realSys as sys } from '../../../kit/sys/index.ts'
import { withheldAt } from '../../layers/stack.ts'
import type { Kept, Place } from '../../mode.ts'
import { layoutOf } from '../../names.ts'

/** `corrupt` where the image is not there, has another size, or does not begin as an image of its size does. */
export async function checkImage(place: Place, name: string, { stored }: Kept): Promise<void> {
  const image = layoutOf(place.snapshotsDir).image(name)
  try {
    await using file = await open(image)
    const { size } = await file.stat()
    if (stored !== undefined && size !== stored) throw damaged(name, image, `its image has ${size} bytes, and had ${stored}`)
    const start = Buffer.alloc(superblockBytes)
    const { bytesRead } = await file.read(start, 0, superblockBytes, 0)
    if (bytesRead < superblockBytes || start.readUInt32LE(0) !== magic) throw damaged(name, image, 'its image does not begin as one')
    if (start.readUInt16LE(28) !== 4 || start.readBigUInt64LE(40) > BigInt(size)) throw damaged(name, image, 'its image is not whole')
  } catch (error) {
    if (errno(error) === 'ENOENT') throw damaged(name, image, 'its image is not there')
    throw diskFault(error, image, 'read the image')
  }
}

/** Reads the whole image; `corrupt` where a byte is another. */
export async function verifyImage(place: Place, name: string, kept: Kept): Promise<void> {
  await checkImage(place, name, kept)
  const image = layoutOf(place.snapshotsDir).image(name)
  const { digest } = await digestImage(image, place.signal)
  if (kept.digest !== undefined && digest !== kept.digest) throw damaged(name, image, `its image is ${digest}, and was ${kept.digest}`)
}

export async function digestImage(image: string, signal?: AbortSignal): Promise<{ digest: Digest; bytes: number }> {
  const sum = hasher()
  let bytes = 0
  try {
    await using file = await open(image)
    const pieces = file.createReadStream({ highWaterMark: 1 << 20, autoClose: false, ...(signal && { signal }) })
    for await (const piece of pieces as AsyncIterable<Buffer>) {
      sum.update(piece)
      bytes += piece.length
    }
  } catch (error) {
    throw diskFault(error, image, 'read the image')
  }
  return { digest: sum.digest(), bytes }
}

/** The directory at which an image shows. It stays mounted from one restore to the next. */
export async function showImage(place: Place, name: string): Promise<string> {
  const at = mountPointOf(place, name)
  const image = layoutOf(place.snapshotsDir).image(name)
  const shown = mountsAt(at).at(-1)
  if (shown !== undefined && backingOf(shown.source) === image) return at
  hideImage(place, name)
  const loop = sys.attachLoop(image, { readOnly: true })
  try {
    const mount = sys.createMount({ type: 'squashfs', source: loop.device, readOnly: true, withholds: withheldAt(place.live) })
    try {
      await makeDirectories(at)
      sys.attachMount(mount, at, 'on-top')
    } finally {
      closeSync(mount)
    }
  } catch (error) {
    if (isFault(error, 'invalid')) throw damaged(name, image, 'its image cannot be mounted')
    throw diskFault(error, at, 'mount the image')
  } finally {
    closeSync(loop.fd)
  }
  return at
}

/** What stands on the image goes on to. */
export function hideImage(place: Place, name: string): void {
  const at = mountPointOf(place, name)
  for (let count = mountsAt(at).length; count > 0; count--) sys.detachMount(at)
}

function mountPointOf({ snapshotsDir }: Place, name: string): string {
  return path.join(layoutOf(snapshotsDir).mounts, name)
}

/** The file behind a loop device: one that was removed is told with ` (deleted)`. */
function backingOf(device: string): string | undefined {
  const file = `/sys/block/${path.basename(device)}/loop/backing_file`
  return existsSync(file) ? readFileSync(file, 'utf8').replace(/\n$/, '') : undefined
}

/** Of the format's version 4. */
const superblockBytes = 96
const magic = 0x73717368

function damaged(name: string, at: string, why: string): Fault {
  return new Fault('corrupt', `the snapshot ${name} is damaged: ${why}`, { at, hint: 'delete it and make it again' })
}
