import { chmodSync, closeSync, constants, lchownSync, lstatSync, mkdirSync, openSync, rmSync } from 'node:fs'
import path from 'node:path'
import { diskFault, Fault, isFault } from '../../kit/index.ts'
import { fileSystemType, mountsAt, realSys as sys, type Withheld } from '../../kit/sys/index.ts'
import type { Place } from '../mode.ts'
import { mountHolding } from '../switch/mount.ts'
import { isNamespaceRoot } from '../switch/namespace.ts'

/** What an overlay is put together from: directories, the topmost first. */
export interface Stack {
  readonly lower: readonly string[]
  readonly upper: string
  readonly work: string
}

/**
 * An overlay that is written to, standing nowhere yet, as a descriptor. Its name is shown in the table of mounts.
 *
 * `redirect_dir`: directories are renamed as elsewhere, not refused. `index`: the names of a file with hard links stay
 * together. `metacopy`: a new owner or mode does not copy the bytes. `volatile`: nothing waits for the disk, since a layer
 * is thrown away anyway and is nothing without its mount; what becomes a snapshot is written out then. In a user namespace
 * only the last can be had: there, directories of the base are renamed by copying, and hard links of the base come apart.
 */
export async function mountStack(
  name: string,
  { lower, upper, work }: Stack,
  place: Pick<Place, 'live' | 'clock' | 'signal'>,
): Promise<number> {
  const inNamespace = isNamespaceRoot()
  for (let tries = 1; ; tries++) {
    try {
      const trusted = { redirect_dir: 'on', metacopy: 'on', index: tries < maxTries ? 'on' : 'off' } as const
      const options = { ...(inNamespace ? userAttributes : trusted), volatile: true } as const
      return mountOverlay(name, { lowerdir: lower, upperdir: [upper], workdir: [work] }, options, place, false)
    } catch (error) {
      // The overlay that a layer below was written through is detached, and not yet gone: nobody can write through it any more.
      if (!isFault(error, 'busy') || tries === maxTries) throw error
      await place.clock.sleep(tries, place.signal)
      rmSync(work, { recursive: true, force: true })
      mkdirSync(work)
    }
  }
}

/** So many, with a millisecond more between two of them each time. */
const maxTries = 15

/** An overlay to look at only. At least two directories. */
export function mountView(name: string, lower: readonly string[], place: Pick<Place, 'live'>): number {
  const options = isNamespaceRoot() ? userAttributes : ({ redirect_dir: 'follow', metacopy: 'on', index: 'off' } as const)
  return mountOverlay(name, { lowerdir: lower }, options, place, true)
}

const userAttributes = { userxattr: true } as const

/** Makes the root of a new layer what the directory below it is: an overlay shows the upper one's. */
export function copyRootAttributes(from: string, to: string): void {
  try {
    const { uid, gid, mode, atimeNs, mtimeNs } = lstatSync(from, { bigint: true })
    lchownSync(to, Number(uid), Number(gid))
    chmodSync(to, Number(mode) & 0o7777)
    for (const name of sys.listXattrs(from)) {
      if (/^(trusted|user)\.(overlay|holdfast)\./.test(name.toString('latin1'))) continue
      const value = sys.readXattr(from, name)
      if (value !== undefined) sys.writeXattr(to, name, value)
    }
    sys.setTimes(to, { accessedNs: atimeNs, modifiedNs: mtimeNs })
  } catch (error) {
    throw diskFault(error, to, 'prepare a layer')
  }
}

/** What the environment's own mount withholds, an overlay over it does not give. */
export function withheldAt(directory: string): Withheld[] {
  const flags = mountHolding(path.dirname(directory))?.flags ?? []
  return (['nodev', 'nosuid', 'noexec'] as const).filter((flag) => flags.includes(flag))
}

/** The overlay of ours that shows at the live directory: what it stands on, and whether it may be written to. */
export function activeStack(live: string): { readonly id: number; readonly isView: boolean; readonly isReadOnly: boolean } | undefined {
  const top = mountsAt(live).at(-1)
  const found = top?.type === 'overlay' ? /^holdfast(-view)?:([1-9][0-9]*)$/.exec(top.source) : null
  if (found === null || top === undefined) return undefined
  return { id: Number(found[2]), isView: found[1] !== undefined, isReadOnly: top.isReadOnly }
}

export const stackName = (id: number) => `holdfast:${id}`
export const viewName = (id: number) => `holdfast-view:${id}`

type Directories = Readonly<Partial<Record<'lowerdir' | 'upperdir' | 'workdir', readonly string[]>>>

function mountOverlay(
  source: string,
  directories: Directories,
  options: Readonly<Record<string, string | true>>,
  { live }: Pick<Place, 'live'>,
  readOnly: boolean,
): number {
  const opened: number[] = []
  try {
    const paths = Object.entries(directories).map(([key, list]) => {
      const plain = list.join(':')
      // An option has 255 bytes and characters of its own: there, open directories stand for their paths.
      if (Buffer.byteLength(plain) <= 255 && !list.some((each) => /[:,\\]/.test(each))) return [key, plain] as const
      return [key, list.map((each) => `/proc/self/fd/${openDirectory(each, opened)}`).join(':')] as const
    })
    return sys.createMount({
      type: 'overlay',
      source,
      options: { ...Object.fromEntries(paths), ...options },
      readOnly,
      withholds: withheldAt(live),
    })
  } catch (error) {
    throw explained(error, directories)
  } finally {
    for (const fd of opened) closeSync(fd)
  }
}

/** From fcntl.h of Linux: a descriptor that only stands for a place. */
const asPlace = 0o10000000

function openDirectory(directory: string, opened: number[]): number {
  try {
    const fd = openSync(directory, asPlace | constants.O_DIRECTORY)
    opened.push(fd)
    return fd
  } catch (error) {
    throw diskFault(error, directory, 'put an overlay together')
  }
}

/** The kernel says only that it refuses. */
function explained(error: unknown, { upperdir = [] }: Directories): unknown {
  const [upper] = upperdir
  if (!isFault(error, 'invalid') || upper === undefined) return error
  const kind = fileSystemType(upper)
  return new Fault('unsupported', `the file system here (${kind}) cannot hold the writable layer of an overlay`, {
    at: upper,
    hint: 'set `snapshots_dir` to a directory on ext4, xfs, btrfs or tmpfs, or choose mode = "filesystem"',
    cause: error,
  })
}
