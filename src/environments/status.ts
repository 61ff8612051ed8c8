import { chosenMode } from './choose.ts'
import type { EnvironmentContext } from './context.ts'
import { detachFrom } from './give-way.ts'
import { type Mark, readMark } from './mark.ts'
import type { MountState, SnapshotMode } from './mode.ts'
import { liveExists, resolvePlace } from './places.ts'
import { readRecords, type Records } from './record.ts'
import { isAnythingKept, modesOf, withSession } from './session.ts'
import { type EnvironmentState, type LastRestore, readState } from './state.ts'
import { isBare } from './switch/mount.ts'

export interface EnvironmentStatus {
  readonly name: string
  readonly live: string
  readonly liveExists: boolean
  /** What was mounted there is gone, as after a restart of the machine: a restore mounts a clean state, a stop gives back what was there. */
  readonly isUnmounted: boolean
  readonly snapshotsDir: string
  /** The name that is meant where none is given. */
  readonly snapshotName: string
  readonly autoCreateOnStartup: boolean
  readonly configured: SnapshotMode | 'auto'
  /** What `auto` has taken; undefined before the first create. */
  readonly mode: SnapshotMode | undefined
  readonly why: string | undefined
  readonly snapshots: number
  readonly newest: string | undefined
  /** Snapshots whose record cannot be understood: none of them is given back. */
  readonly damaged: Records['damaged']
  readonly mounts: readonly MountState[]
  readonly last: LastRestore | undefined
  /** An in-place restore that has not ended. */
  readonly unfinished: Mark | undefined
}

/** How an environment stands. Takes no lock and changes nothing. */
export async function environmentStatus(context: EnvironmentContext): Promise<EnvironmentStatus> {
  const place = await resolvePlace(context)
  const records = await readRecords(place.snapshotsDir)
  const state = await readState(place.snapshotsDir, context.report)
  const mark = await readMark(place.snapshotsDir)
  const modes = await modesOf(context, place, records, state, [mark])
  const found = (await Promise.all(modes.map((mode) => mode.mounts(place)))).flat()
  // Modes that share their layers tell the same mounts.
  const mounts = [...new Map(found.map((mount) => [`${mount.at}\0${mount.from}`, mount])).values()]
  const chosen = chosenMode(context, state)
  return {
    name: context.name,
    live: place.live,
    liveExists: await liveExists(place),
    isUnmounted: isBare(place.live),
    snapshotsDir: place.snapshotsDir,
    snapshotName: context.settings.snapshotName,
    autoCreateOnStartup: context.settings.autoCreateOnStartup,
    configured: context.settings.mode,
    mode: chosen?.mode,
    why: chosen?.why,
    snapshots: records.records.length,
    newest: records.records[0]?.name,
    damaged: records.damaged,
    mounts,
    last: state.last,
    unfinished: mark,
  }
}

/** Ends all mounts: the live directory is a plain directory with its present content then. `busy` while anybody is inside, unless forced. */
export async function stopEnvironment(context: EnvironmentContext, { force = false }: { readonly force?: boolean } = {}): Promise<void> {
  if (!isAnythingKept(context.name, await resolvePlace(context))) return
  await withSession(context, {}, async (session) => {
    const { place, records, mark, state } = session
    const modes = await modesOf(context, place, records, state(), [mark])
    // After a restart of the machine several may think that the live directory waits for them.
    const last = lastShown(records, state())
    for (const mode of modes.toSorted((one, other) => Number(other.name === last) - Number(one.name === last)))
      await detachFrom(session, mode, force)
  })
}

/** The mode that the live directory was last put in the hands of: by a restore, or by a create that takes it over. */
function lastShown({ records }: Pick<Records, 'records'>, { last }: EnvironmentState): SnapshotMode | undefined {
  const made = records.find(({ mode }) => mode === 'overlay' || mode === 'volume')
  return made !== undefined && (last === undefined || made.created > last.at) ? made.mode : last?.mode
}
