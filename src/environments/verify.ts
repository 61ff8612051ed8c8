import { Fault, isFault } from '../kit/index.ts'
import type { EnvironmentContext } from './context.ts'
import { digestTree } from './digest.ts'
import { needRecord, type SnapshotRecord, writeRecord } from './record.ts'
import { type Session, withSession } from './session.ts'

export interface Verified {
  readonly snapshot: string
  /** `whole`: every byte is what it was. `first`: every byte was read for the first time, and is known from now on. `marker`: it has no bytes. */
  readonly outcome: 'whole' | 'first' | 'marker'
}

/** Reads a whole snapshot and compares it with what it was when it was made, or first read. `corrupt` where it differs. */
export async function verifySnapshot(context: EnvironmentContext, name = context.settings.snapshotName): Promise<Verified> {
  return await withSession(context, { whileMarked: true, snapshot: name }, async (session) => {
    return await verifyRecord(session, await needRecord(session.place.snapshotsDir, context.name, name))
  })
}

/** The same within a command. What it learns is kept in the record. */
export async function verifyRecord({ context, place }: Session, record: SnapshotRecord): Promise<Verified> {
  const { name } = record
  const mode = await context.modes(record.mode)
  if (mode.verify !== undefined) {
    await mode.verify(place, name, record.kept)
    return { snapshot: name, outcome: 'whole' }
  }
  if (record.mode === 'recreate' || record.mode === 'disabled') return { snapshot: name, outcome: 'marker' }
  await using tree = await openTree(context, place, record)
  if (record.tree !== undefined && record.content === undefined) {
    if ((await digestTree(tree.path, { content: false, signal: context.signal })) !== record.tree) throw damaged(record, tree.path)
  }
  const content = await readWhole(record, tree.path, context.signal)
  if (record.content !== undefined && content !== record.content) throw damaged(record, tree.path)
  if (record.content !== undefined) return { snapshot: name, outcome: 'whole' }
  await writeRecord(place.snapshotsDir, { ...record, content })
  return { snapshot: name, outcome: 'first' }
}

/** The tree of a snapshot, until it is disposed of. */
export async function openTree(
  context: EnvironmentContext,
  place: Session['place'],
  record: SnapshotRecord,
): Promise<AsyncDisposable & { readonly path: string }> {
  const opened = await (await context.modes(record.mode)).open(place, record.name)
  return { path: opened.path, [Symbol.asyncDispose]: () => opened.close() }
}

/** A disk that cannot give the bytes back has damaged them. */
async function readWhole(record: SnapshotRecord, root: string, signal: AbortSignal | undefined) {
  try {
    return await digestTree(root, { content: true, signal })
  } catch (error) {
    if (isFault(error, 'unavailable') || isFault(error, 'not-found')) throw damaged(record, root, error)
    throw error
  }
}

function damaged(record: SnapshotRecord, at: string, cause?: unknown): Fault {
  return new Fault('corrupt', `the snapshot ${record.name} of ${record.environment} is damaged: it is not what it was when it was made`, {
    at,
    hint: `delete it and make it again: holdfast env delete ${record.environment} ${record.name}`,
    ...(cause === undefined ? {} : { cause }),
  })
}
