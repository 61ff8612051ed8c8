import { type Repaired, repairPacks } from '../../chunks/index.ts'
import { type Digest, isFault } from '../../kit/index.ts'
import type { SnapshotContext } from '../context.ts'
import type { Listed } from '../record/lines.ts'
import { putRecord, readRecord } from '../record/record.ts'

export interface RepairedSnapshots extends Repaired {
  /** Records of snapshots that are whole again. */
  readonly records: readonly Digest[]
}

/**
 * Puts right what is damaged with what another store has: records of the snapshots, then packs and indexes, every byte of which is read.
 * Nothing that is whole is touched, and what is damaged is put aside.
 */
export async function repairSnapshots(
  context: SnapshotContext,
  from: SnapshotContext,
  snapshots: readonly Listed[],
): Promise<RepairedSnapshots> {
  const records: Digest[] = []
  for (const { id } of snapshots) if (await repairRecord(context, from, id)) records.push(id)
  const { store, clock, random, by, report, signal } = context
  const packs = { clock, random, by, report, signal, readData: 1, from: await from.chunks(), cache: await context.cacheDir() }
  return { ...(await repairPacks(store, packs)), records }
}

async function repairRecord(context: SnapshotContext, from: SnapshotContext, id: Digest): Promise<boolean> {
  try {
    await readRecord(context.store, id, context)
    return false
  } catch (error) {
    if (!isFault(error, 'corrupt')) throw error
  }
  try {
    return (await putRecord(context.store, await readRecord(from.store, id, context), context)) === id
  } catch (error) {
    // It is not there, or damaged there too: the check that follows tells of it.
    if (isFault(error, 'corrupt')) return false
    throw error
  }
}
