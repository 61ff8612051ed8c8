import { mkdir, rmdir } from 'node:fs/promises'
import { diskFault } from '../kit/index.ts'
import { assertNobodyInside } from './holders.ts'
import type { Mode, SnapshotMode } from './mode.ts'
import { modesOf, type Session } from './session.ts'
import { isBare } from './switch/mount.ts'

/** Modes that put a mount in the place of any other in one step. */
const mounting: ReadonlySet<SnapshotMode> = new Set(['overlay', 'squashfs', 'volume'])

/**
 * Ends what another mode has mounted at the live directory, where this one works on a plain directory: it shows the same
 * afterwards. `busy` while anybody is inside.
 */
export async function giveWay(session: Session, mode: Mode, force: boolean): Promise<void> {
  if (mounting.has(mode.name)) return
  const { context, place, records, state, mark } = session
  for (const other of await modesOf(context, place, records, state(), [mark])) {
    if (other.name === mode.name || !(await other.mounts(place)).some(({ at }) => at === place.live)) continue
    context.report({
      kind: 'note',
      level: 'info',
      text: `${context.name} leaves the mode ${other.name}: it is copied to a plain directory`,
    })
    await detachFrom(session, other, force)
  }
}

/** Gives the live directory back as a plain one. `busy` while anybody is inside, who would go on to write to what nobody sees. */
export async function detachFrom({ context, place }: Pick<Session, 'context' | 'place'>, mode: Mode, force: boolean): Promise<void> {
  if (!force && (await mode.mounts(place)).some(({ at }) => at === place.live)) {
    assertNobodyInside(context.name, place.live, 'stop them, since the live directory is exchanged for a plain one, or run it with --force')
  }
  await mode.detach(place)
}

/** Makes a plain directory of one that waits to be mounted on, as after a restart of the machine: its content is given back now. */
export async function makePlain({ place }: Session): Promise<void> {
  if (!isBare(place.live)) return
  try {
    await rmdir(place.live)
    await mkdir(place.live)
  } catch (error) {
    throw diskFault(error, place.live, 'make the live directory')
  }
}
