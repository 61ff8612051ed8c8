import type { EnvironmentContext } from './context.ts'
import type { Place, SnapshotMode } from './mode.ts'
import { resolvePlace } from './places.ts'
import { needRecord, readRecords, type Records, type SnapshotRecord } from './record.ts'
import { type EnvironmentState, readState } from './state.ts'

/** One snapshot as lists show it. */
export interface SnapshotRow {
  readonly name: string
  readonly mode: SnapshotMode
  readonly created: string
  readonly entries: number
  readonly bytes: number
  /** Bytes on disk; undefined where sharing makes that unknown. */
  readonly stored?: number | undefined
  /** When it was last restored: ISO 8601, UTC. */
  readonly lastUsed?: string | undefined
  /** The live directory stands on it. */
  readonly inUse: boolean
}

export interface SnapshotList extends Pick<Records, 'foreign' | 'damaged'> {
  /** Newest first. */
  readonly snapshots: readonly SnapshotRow[]
}

/** All snapshots of an environment. Takes no lock and changes nothing. */
export async function listSnapshots(context: EnvironmentContext): Promise<SnapshotList> {
  const place = await resolvePlace(context)
  const { records, foreign, damaged } = await readRecords(place.snapshotsDir)
  const state = await readState(place.snapshotsDir, context.report)
  return { snapshots: await Promise.all(records.map((record) => rowOf(context, place, record, state))), foreign, damaged }
}

export interface SnapshotInfo extends SnapshotRow {
  readonly record: SnapshotRecord
}

/** One snapshot with everything that is known of it. Throws `not-found`. */
export async function showSnapshot(context: EnvironmentContext, name = context.settings.snapshotName): Promise<SnapshotInfo> {
  const place = await resolvePlace(context)
  const record = await needRecord(place.snapshotsDir, context.name, name)
  const state = await readState(place.snapshotsDir, context.report)
  return { ...(await rowOf(context, place, record, state)), record }
}

async function rowOf(context: EnvironmentContext, place: Place, record: SnapshotRecord, state: EnvironmentState): Promise<SnapshotRow> {
  const { name, mode, created, entries, bytes, kept } = record
  const inUse = await (await context.modes(mode)).inUse(place, name)
  return { name, mode, created, entries, bytes, stored: kept.stored, lastUsed: state.used[name], inUse }
}
