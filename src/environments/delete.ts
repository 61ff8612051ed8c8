import { Fault, isFault } from '../kit/index.ts'
import type { EnvironmentContext } from './context.ts'
import { clearIntent, setIntent } from './mark.ts'
import type { Mode, SnapshotMode } from './mode.ts'
import { dropRecord, modeInRecord, needRecord, type SnapshotRecord, writeRecord } from './record.ts'
import { modesOf, type Session, withSession } from './session.ts'

export interface Deleted {
  readonly name: string
  /** Undefined where its record was damaged. */
  readonly mode: SnapshotMode | undefined
  readonly bytes: number | undefined
}

/**
 * Removes a snapshot, also one whose record is damaged. `busy` where the live directory stands on it, `not-found` where
 * there is none.
 */
export async function deleteSnapshot(context: EnvironmentContext, name: string): Promise<Deleted> {
  return await withSession(context, { whileMarked: true, snapshot: name }, async (session) => {
    const record = await recordOrDamage(session, name)
    if (session.mark?.snapshot === name) {
      throw new Fault('busy', `a restore of ${context.name} to ${name} has not ended`, {
        hint: `run: holdfast env restore ${context.name} --snapshot ${name}`,
      })
    }
    if (record === 'damaged') await removeDamaged(session, name)
    else await removeSnapshot(session, record)
    return record === 'damaged' ? { name, mode: undefined, bytes: undefined } : record
  })
}

/** The record goes first: killed from then on, the next command goes on with the rest. What cannot be removed stays a snapshot. */
export async function removeSnapshot(session: Session, record: SnapshotRecord): Promise<void> {
  const { context, place } = session
  const { name } = record
  const { snapshotsDir } = place
  const mode = await context.modes(record.mode)
  await assertNotInUse({ context, place }, mode, name)
  await setIntent(snapshotsDir, { name, mode: record.mode })
  await dropRecord(snapshotsDir, name)
  try {
    await mode.delete(place, name)
  } catch (error) {
    await writeRecord(snapshotsDir, record)
    await clearIntent(snapshotsDir)
    throw error
  }
  await clearIntent(snapshotsDir)
  await forgetUse(session, name)
  tell(context, name)
}

async function recordOrDamage({ context, place }: Session, name: string): Promise<SnapshotRecord | 'damaged'> {
  try {
    return await needRecord(place.snapshotsDir, context.name, name)
  } catch (error) {
    if (isFault(error, 'corrupt')) return 'damaged'
    throw error
  }
}

/**
 * In all modes that it may have been made in: where nothing of it is theirs, they do nothing. The record goes last. `leave`
 * is called for a mode that has the live directory stand on it; without it that is `busy`.
 */
export async function removeDamaged(session: Session, name: string, leave?: (mode: Mode) => Promise<void>): Promise<void> {
  const { context, place, records, state, mark } = session
  const said = await modeInRecord(place.snapshotsDir, name)
  const likely = await modesOf(context, place, records, state(), [mark, said && { mode: said }])
  // Whatever lies under its name by itself is a tree as this mode has them.
  const trees = await context.modes('reflink')
  const modes = [...likely.filter((mode) => mode !== trees), trees]
  for (const mode of modes) {
    if (leave !== undefined && (await mode.inUse(place, name))) await leave(mode)
    await assertNotInUse(session, mode, name)
  }
  for (const mode of modes) if (mode.name !== 'filesystem') await mode.delete(place, name)
  await dropRecord(place.snapshotsDir, name)
  await forgetUse(session, name)
  tell(context, name)
}

/** The next snapshot of that name has not been used. */
async function forgetUse({ state, remember }: Session, name: string): Promise<void> {
  const { [name]: at, ...used } = state().used
  if (at !== undefined) await remember({ used })
}

async function assertNotInUse({ context, place }: Pick<Session, 'context' | 'place'>, mode: Mode, name: string): Promise<void> {
  if (!(await mode.inUse(place, name))) return
  throw new Fault('busy', `the live directory of ${context.name} stands on the snapshot ${name}`, {
    at: place.live,
    hint: `restore another snapshot first, or give the directory back as a plain one: holdfast env stop ${context.name}`,
  })
}

function tell({ name: environment, report }: EnvironmentContext, name: string): void {
  report({ kind: 'note', level: 'info', event: 'snapshot_deleted', text: `deleted the snapshot ${name} of ${environment}` })
}
