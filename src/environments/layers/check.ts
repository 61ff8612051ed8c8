import { closeSync, existsSync } from 'node:fs'
import path from 'node:path'
import { Fault, isFault } from '../../kit/index.ts'
import { fileSystemType, realSys as sys } from '../../kit/sys/index.ts'
import type { Place } from '../mode.ts'

/** File systems without what an upper layer needs: renames with whiteouts, types in directories, trusted attributes. */
const unfit = new Set([
  'overlay',
  'nfs',
  'cifs',
  'smb2',
  'ceph',
  'fuse',
  '9p',
  'vfat',
  'exfat',
  'ntfs3',
  'squashfs',
  'erofs',
  'ramfs',
  'proc',
])

/** Why overlays cannot be mounted here; undefined where they can. */
export function whyNoOverlay(place: Pick<Place, 'snapshotsDir'>): { readonly why: string; readonly hint: string } | undefined {
  const missing = sys.whyMissing()
  if (missing !== undefined) return { why: `mounts cannot be made: ${missing}`, hint: 'choose mode = "filesystem"' }
  const kind = fileSystemType(nearestThere(place.snapshotsDir))
  if (unfit.has(kind)) {
    return {
      why: `the snapshots directory lies on ${kind}, which cannot hold the writable layer of an overlay`,
      hint: 'set `snapshots_dir` to a directory on ext4, xfs, btrfs or tmpfs, or choose mode = "filesystem"',
    }
  }
  try {
    // A mount that stands nowhere, and goes at once: nobody sees it.
    closeSync(sys.createMount({ type: 'tmpfs', source: 'holdfast' }))
  } catch (error) {
    if (!isFault(error)) throw error
    if (error.code === 'denied') return { why: 'this user may not mount', hint: enabling }
    return { why: error.message, hint: 'choose mode = "filesystem"' }
  }
  return undefined
}

const enabling =
  'run it as root (sudo), or where only what it runs needs to see the mounts, in a user namespace: unshare --user --map-root-user --mount holdfast env run …'

export function checkOverlay(place: Place): void {
  const found = whyNoOverlay(place)
  if (found !== undefined)
    throw new Fault('unsupported', `Overlay mode selected but ${found.why}.`, { at: place.snapshotsDir, hint: found.hint })
}

function nearestThere(directory: string): string {
  for (let place = directory; ; place = path.dirname(place)) if (existsSync(place) || place === '/') return place
}
