import { chmodSync, closeSync, existsSync, mkdirSync, rmdirSync } from 'node:fs'
import path from 'node:path'
import { diskFault, isFault } from '../../kit/index.ts'
import { type MountEntry, mountsAt, readMounts, realSys, type Sys } from '../../kit/sys/index.ts'
import type { Place } from '../mode.ts'
import { layoutOf } from '../names.ts'
import { exchangeMountPoints } from './exchange.ts'
import { isNamespaceRoot } from './namespace.ts'
import { rememberTime } from './rename.ts'

/**
 * Puts a mount (a descriptor, standing nowhere yet) at the live directory, in one step: whoever looks sees the old state
 * or the new, and never the directory beneath. What was mounted there is detached. A plain directory is then at `aside`,
 * a free path on the same mount as it; the answer says whether one is. Killed at any moment, `settleMounts` puts right
 * what it left. The descriptor stays the caller's.
 */
export async function switchToMount(
  mount: number,
  live: string,
  aside: string,
  sys: Sys = realSys,
): Promise<'plain-aside' | 'nothing-aside'> {
  const old = mountsAt(live)
  // Who looks from outside of a user namespace goes on to see the plain directory, also when the namespace is gone.
  if (old.length === 0 && (isNamespaceRoot() || isBare(live))) {
    sys.attachMount(mount, live, 'on-top')
    return 'nothing-aside'
  }
  if (old.length > 0 && attachBeneath(mount, live, sys)) {
    sys.detachMount(live)
    return 'nothing-aside'
  }
  makeBare(aside)
  sys.attachMount(mount, aside, 'on-top')
  const keepTime = rememberTime(live)
  await exchangeMountPoints(aside, live)
  if (old.length === 0) {
    keepTime(aside)
    return 'plain-aside'
  }
  clearAside(aside)
  return 'nothing-aside'
}

/** Puts a directory of the same mount in the place of all that is mounted at the live directory, in one step. */
export async function switchToDirectory(directory: string, live: string): Promise<void> {
  const keepTime = rememberTime(directory)
  await exchangeMountPoints(directory, live)
  keepTime(live)
  clearAside(directory)
}

/**
 * Puts right what a killed switch left: of several mounts at the live directory only the one that shows stays, and none
 * stays at `aside`. A plain directory there was replaced, and is the caller's: the answer says whether there is one.
 */
export async function settleMounts(live: string, aside: string): Promise<'plain-aside' | 'nothing-aside'> {
  clearAside(aside)
  if (existsSync(aside)) return 'plain-aside'
  if (mountsAt(live).length > 1) {
    const shown = realSys.cloneMount(live)
    try {
      makeBare(aside)
      realSys.attachMount(shown, aside, 'on-top')
      await exchangeMountPoints(aside, live)
      clearAside(aside)
    } finally {
      closeSync(shown)
    }
  }
  return 'nothing-aside'
}

/** Where a plain live directory goes in a switch: on the same mount as it, or beside it. */
export function asideOf({ live, snapshotsDir }: Pick<Place, 'live' | 'snapshotsDir'>): string {
  const table = readMounts()
  return mountHolding(path.dirname(live), table)?.id === mountHolding(snapshotsDir, table)?.id
    ? path.join(layoutOf(snapshotsDir).home, 'aside')
    : path.join(path.dirname(live), `.${path.basename(live)}.aside`)
}

/** The mount that a path lies in. */
export function mountHolding(at: string, table: readonly MountEntry[] = readMounts()): MountEntry | undefined {
  for (let place = at; ; place = path.dirname(place)) {
    const top = mountsAt(place, table).at(-1)
    if (top !== undefined || place === '/') return top
  }
}

/** Whether this is a directory made to be mounted on, with nothing mounted there: as after a restart of the machine. */
export function isBare(directory: string): boolean {
  try {
    return mountsAt(directory).length === 0 && realSys.readXattr(directory, bareMark()) !== undefined
  } catch (error) {
    if (isFault(error, 'not-found') || isFault(error, 'unsupported')) return false
    throw error
  }
}

/** A trusted attribute where that may be, since only who may mount makes and asks for such a directory. */
const bareMark = () => (isNamespaceRoot() ? 'user.holdfast.bare' : 'trusted.holdfast.bare')

function makeBare(directory: string): void {
  try {
    mkdirSync(directory)
    realSys.writeXattr(directory, bareMark(), Buffer.from('1'))
    // Whoever is not root and comes while nothing is mounted, as after a restart, is refused and does not write here.
    chmodSync(directory, 0o555)
  } catch (error) {
    throw diskFault(error, directory, 'make a directory to mount on')
  }
}

/** Not before Linux 6.5. */
function attachBeneath(mount: number, live: string, sys: Sys): boolean {
  try {
    sys.attachMount(mount, live, 'beneath')
    return true
  } catch (error) {
    if (isFault(error, 'invalid')) return false
    throw error
  }
}

/** Ends all that is mounted at a directory, and the directory with it where it was made only for that. */
export function clearAside(aside: string): void {
  for (let count = mountsAt(aside).length; count > 0; count--) realSys.detachMount(aside)
  if (!isBare(aside)) return
  try {
    rmdirSync(aside)
  } catch (error) {
    throw diskFault(error, aside, 'remove the directory that was mounted on')
  }
}
