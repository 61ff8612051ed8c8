import type { EnvironmentContext, KeepRules } from './context.ts'
import { removeSnapshot } from './delete.ts'
import { resolvePlace } from './places.ts'
import { readRecords, type SnapshotRecord } from './record.ts'
import { isAnythingKept, type Session, withSession } from './session.ts'

export interface CleanupOptions {
  /** In place of the configured rules. */
  readonly keep?: KeepRules | undefined
  /** Say what would go, and remove nothing. */
  readonly dryRun?: boolean | undefined
}

export interface Cleaned {
  readonly removed: readonly string[]
  /** What a rule would remove and something else protects. */
  readonly spared: readonly { readonly name: string; readonly why: string }[]
  readonly kept: number
}

/** Removes snapshots by number, age and last use. What is in use, and the environment's own clean snapshot, stays. */
export async function cleanupSnapshots(context: EnvironmentContext, options: CleanupOptions = {}): Promise<Cleaned> {
  if (!isAnythingKept(context.name, await resolvePlace(context))) return { removed: [], spared: [], kept: 0 }
  return await withSession(context, { whileMarked: true }, async (session) => await cleanUpSnapshots(session, options))
}

/** The same within a command. */
export async function cleanUpSnapshots(session: Session, options: CleanupOptions & { readonly except?: string } = {}): Promise<Cleaned> {
  const { context, place } = session
  const { records } = await readRecords(place.snapshotsDir)
  const plan = planCleanup(records, options.keep ?? context.settings.keep, { now: context.clock.now(), used: session.state().used })
  const removed: string[] = []
  const spared: { name: string; why: string }[] = []
  for (const record of plan) {
    const why = await whyProtected(session, record, options.except)
    if (why !== undefined) spared.push({ name: record.name, why })
    else {
      if (options.dryRun !== true) await removeSnapshot(session, record)
      removed.push(record.name)
    }
  }
  if (removed.length > 0 && options.dryRun !== true) {
    const text = `removed ${removed.length === 1 ? 'an old snapshot' : `${removed.length} old snapshots`} of ${context.name}: ${removed.join(', ')}`
    context.report({ kind: 'note', level: 'info', event: 'old_snapshots_cleaned', text })
  }
  return { removed, spared, kept: records.length - removed.length }
}

/** What the rules let go, oldest first. `records` are newest first. */
export function planCleanup(
  records: readonly SnapshotRecord[],
  { count, age, unused }: KeepRules,
  { now, used }: { readonly now: number; readonly used: Readonly<Record<string, string>> },
): SnapshotRecord[] {
  const since = (time: string) => now - Date.parse(time)
  return records
    .filter(
      ({ name, created }, index) =>
        (count !== undefined && index >= count) ||
        (age !== undefined && since(created) > age) ||
        (unused !== undefined && since(created) > unused && since(used[name] ?? created) > unused),
    )
    .toReversed()
}

async function whyProtected(
  { context, place, mark }: Session,
  { name, mode }: SnapshotRecord,
  except: string | undefined,
): Promise<string | undefined> {
  if (name === except) return 'it was just made'
  if (name === context.settings.snapshotName) return 'it is what the environment goes back to'
  if (name === mark?.snapshot) return 'a restore to it has not ended'
  return (await (await context.modes(mode)).inUse(place, name)) ? 'the live directory stands on it' : undefined
}
