import {
  closeSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  truncateSync,
} from 'node:fs'
import path from 'node:path'
import { diskFault, errno, Fault, formatBytes, isFault, run, makeDirectories } from '../../../kit/index.ts'
import { type MountEntry, mountsAt, readMounts, realSys as sys } from '../../../kit/sys/index.ts'
import type { Place } from '../../mode.ts'
import { layoutOf } from '../../names.ts'

export type VolumeKind = 'btrfs' | 'xfs'

/** The least that both file systems work well with. */
const leastBytes = 512 << 20
/** So much is to be free in it after every command; it grows by as much again. Its holes take no room. */
const spareBytes = 1 << 30
const mebibyte = 1 << 20

export function hasImage({ snapshotsDir }: Pick<Place, 'snapshotsDir'>): boolean {
  return statSync(layoutOf(snapshotsDir).volumeImage, { throwIfNoEntry: false })?.isFile() === true
}

/** The mount of the volume, where it is mounted. */
export function volumeMount({ snapshotsDir }: Pick<Place, 'snapshotsDir'>, table?: readonly MountEntry[]): MountEntry | undefined {
  return mountsAt(layoutOf(snapshotsDir).volume, table).at(-1)
}

/** Makes the image, of a file system that is empty. A sparse file: it takes the room of what is in it. */
export async function makeImage({ snapshotsDir, settings, signal, lock }: Place, liveBytes: number): Promise<void> {
  const { volumeImage, home } = layoutOf(snapshotsDir)
  const part = partOf(snapshotsDir)
  const size = settings.volume.size ?? Math.max(leastBytes, liveBytes * 2) + spareBytes
  try {
    await makeDirectories(home)
    rmSync(part, { force: true })
    closeSync(openSync(part, 'wx', 0o600))
    truncateSync(part, Math.ceil(size / mebibyte) * mebibyte)
  } catch (error) {
    throw diskFault(error, part, 'make the image of the volume')
  }
  const command: [string, ...string[]] =
    settings.volume.fileSystem === 'btrfs' ? ['mkfs.btrfs', '-q', '-m', 'single', part] : ['mkfs.xfs', '-q', '-m', 'reflink=1', part]
  const { status, stderr } = await run(command, { signal, holds: lock })
  if (status !== 0) {
    rmSync(part, { force: true })
    throw new Fault(
      /too small|minimum/i.test(stderr) ? 'invalid' : 'unavailable',
      `${command[0]} ended with status ${status}: ${stderr.trim()}`,
      {
        at: part,
        hint: 'set a larger `volume_size`, or none',
      },
    )
  }
  try {
    flush(part)
    renameSync(part, volumeImage)
  } catch (error) {
    throw diskFault(error, volumeImage, 'give the image its name')
  }
}

/** Mounts the volume where it is not, as after a restart of the machine. `corrupt` where the image is no file system that it was. */
export async function mountVolume(place: Pick<Place, 'snapshotsDir' | 'clock' | 'signal'>): Promise<MountEntry> {
  const present = volumeMount(place)
  if (present !== undefined) return present
  const { volumeImage, volume } = layoutOf(place.snapshotsDir)
  const type = kindOfImage(volumeImage)
  await makeDirectories(volume, { mode: 0o700 })
  for (let attempt = 1; ; attempt++) {
    // Two devices of one image would each write to it as if they were alone.
    const used = deviceOf(volumeImage)
    try {
      mountImage(volumeImage, volume, type, used)
      return volumeMount(place)!
    } catch (error) {
      // A device whose last mount has just gone is taken away a moment later, and what is asked of it until then may fail.
      if (used === undefined || attempt === 10) throw mountFailure(error, type, volumeImage)
      await place.clock.sleep(20 * attempt, place.signal)
    }
  }
}

function mountImage(image: string, volume: string, type: VolumeKind, used: string | undefined): void {
  const loop = used === undefined ? sys.attachLoop(image) : { device: used, fd: undefined }
  try {
    const mount = sys.createMount({ type, source: loop.device, options: type === 'xfs' ? { nouuid: true } : {} })
    try {
      sys.attachMount(mount, volume, 'on-top')
    } finally {
      closeSync(mount)
    }
  } finally {
    if (loop.fd !== undefined) closeSync(loop.fd)
  }
}

/** Under a name that the next command removes, where making the file system is killed. */
function partOf(snapshotsDir: string): string {
  return layoutOf(snapshotsDir).build('volume.img')
}

function mountFailure(error: unknown, type: VolumeKind, image: string): unknown {
  if (!isFault(error) || error.code === 'denied') return error
  const isKnown = new RegExp(`\\b${type}$`, 'm').test(readFileSync('/proc/filesystems', 'utf8'))
  if (!isKnown) {
    return new Fault('unsupported', `Volume mode selected but the kernel of this machine has no ${type}.`, {
      hint: `load it (sudo modprobe ${type}), or set \`volume_file_system\` to ${type === 'xfs' ? 'btrfs' : 'xfs'}`,
      cause: error,
    })
  }
  return new Fault('corrupt', `the image of the volume is damaged: ${error.message}`, {
    at: image,
    hint: 'its snapshots and the live directory in it are lost to this command; see the kernel log',
    cause: error,
  })
}

/** By what the superblock begins with. */
function kindOfImage(image: string): VolumeKind {
  let fd: number
  try {
    fd = openSync(image, 'r')
  } catch (error) {
    throw diskFault(error, image, 'open the image of the volume')
  }
  try {
    const textAt = (at: number, length: number) => {
      const bytes = Buffer.alloc(length)
      readSync(fd, bytes, 0, length, at)
      return bytes.toString('latin1')
    }
    if (textAt(0, 4) === 'XFSB') return 'xfs'
    if (textAt(0x1_0040, 8) === '_BHRfS_M') return 'btrfs'
  } finally {
    closeSync(fd)
  }
  throw new Fault('corrupt', 'the image of the volume is damaged: it is neither btrfs nor xfs', { at: image })
}

/** The device that shows the image already. */
function deviceOf(image: string): string | undefined {
  const blocks = '/sys/block'
  for (const name of readdirSync(blocks)) {
    if (!name.startsWith('loop')) continue
    try {
      if (readFileSync(path.join(blocks, name, 'loop', 'backing_file'), 'utf8').replace(/\n$/, '') === image) return `/dev/${name}`
    } catch (error) {
      // It shows nothing.
      if (errno(error) !== 'ENOENT' && errno(error) !== 'ENXIO') throw diskFault(error, name, 'look at the loop devices')
    }
  }
  return undefined
}

/** Makes the volume larger where less is free in it than `needed` and some more. What it gains takes no room yet. */
export async function growVolume(place: Place, needed: number): Promise<void> {
  const { volume, volumeImage } = layoutOf(place.snapshotsDir)
  const { bavail, bsize } = statfsSync(volume)
  const free = bavail * bsize
  if (free >= needed + spareBytes / 2) return
  const mount = await mountVolume(place)
  const size = statSync(volumeImage).size + Math.ceil((needed + spareBytes - free) / mebibyte) * mebibyte
  try {
    truncateSync(volumeImage, size)
    const device = openSync(mount.source, 'r+')
    try {
      sys.refreshLoopSize(device)
    } finally {
      closeSync(device)
    }
  } catch (error) {
    throw diskFault(error, volumeImage, 'make the volume larger')
  }
  const command: [string, ...string[]] =
    mount.type === 'btrfs' ? ['btrfs', 'filesystem', 'resize', 'max', volume] : ['xfs_growfs', '-d', volume]
  const { status, stderr } = await run(command, { signal: place.signal, holds: place.lock })
  if (status !== 0) throw new Fault('unavailable', `${command[0]} ended with status ${status}: ${stderr.trim()}`, { at: volumeImage })
  place.report({ kind: 'note', level: 'info', text: `the volume has grown to ${formatBytes(size)}: ${volumeImage}` })
}

/** Ends the mount of the volume, which nothing may need any more. */
export function unmountVolume(place: Pick<Place, 'snapshotsDir'>): void {
  for (let mount = volumeMount(place); mount !== undefined; mount = volumeMount(place)) sys.detachMount(mount.at)
}

export function removeImage({ snapshotsDir }: Pick<Place, 'snapshotsDir'>): void {
  const { volumeImage } = layoutOf(snapshotsDir)
  try {
    rmSync(volumeImage, { force: true })
    rmSync(partOf(snapshotsDir), { force: true })
  } catch (error) {
    throw diskFault(error, volumeImage, 'remove the image of the volume')
  }
}

/** Every mount of the volume's file system: of itself and of live trees in it. */
export function mountsOfVolume(place: Pick<Place, 'snapshotsDir'>): MountEntry[] {
  const table = readMounts()
  const own = volumeMount(place, table)
  return own === undefined ? [] : table.filter(({ device }) => device === own.device)
}

function flush(file: string): void {
  const fd = openSync(file, 'r+')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
