import { Fault } from '../kit/index.ts'
import type { EnvironmentContext } from './context.ts'
import { needRecord, removeRecord, type SnapshotRecord } from './record.ts'
import { type Session, withSession } from './session.ts'

/** Removes a snapshot. `busy` where the live directory stands on it, `not-found` where there is none. */
export async function deleteSnapshot(context: EnvironmentContext, name: string): Promise<SnapshotRecord> {
  return await withSession(context, { whileMarked: true }, async (session) => {
    const record = await needRecord(session.place.snapshotsDir, context.name, name)
    if (session.mark?.snapshot === name) {
      throw new Fault('busy', `a restore of ${context.name} to ${name} has not ended`, {
        hint: `run: holdfast env restore ${context.name} --snapshot ${name}`,
      })
    }
    await removeSnapshot(session, record)
    return record
  })
}

/** The record goes last: killed in between, the snapshot is still listed and can be deleted again. */
export async function removeSnapshot({ context, place }: Session, record: SnapshotRecord): Promise<void> {
  const mode = await context.modes(record.mode)
  if (await mode.inUse(place, record.name)) {
    throw new Fault('busy', `the live directory of ${context.name} stands on the snapshot ${record.name}`, {
      at: place.live,
      hint: `restore another snapshot first, or give the directory back as a plain one: holdfast env stop ${context.name}`,
    })
  }
  await mode.delete(place, record.name)
  await removeRecord(place.snapshotsDir, record.name)
  context.report({ kind: 'note', level: 'info', event: 'snapshot_deleted', text: `deleted the snapshot ${record.name} of ${context.name}` })
}
