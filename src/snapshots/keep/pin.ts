import { digestOfSnapshotKey, putPin, removePin, snapshotKey, spare, takeLease } from '../../chunks/index.ts'
import { type Digest, Fault, isFault } from '../../kit/index.ts'
import { moveRef } from '../../refs/index.ts'
import type { SnapshotContext } from '../context.ts'
import { onceEach, traverse } from '../look/traverse.ts'
import { snapshotLine, type SnapshotSummary } from '../record/line.ts'
import { chooseSnapshot, findSnapshot, type Listed, listSnapshots, pinIdOf, shortId } from '../record/lines.ts'
import { readRecord, summaryOf } from '../record/record.ts'

export interface PinOptions {
  readonly message?: string | undefined
  readonly dryRun?: boolean | undefined
}

export interface Pinned {
  readonly snapshot: Listed
  /** It had been forgotten, and is in its line again. */
  readonly isBack: boolean
}

/**
 * Keeps a snapshot, whatever is forgotten, until it is unpinned. One that was just forgotten, named by its id, comes back into its line;
 * `precondition` where a prune has begun to take away what it needs.
 */
export async function pinSnapshot(context: SnapshotContext, id: string, options: PinOptions = {}): Promise<Pinned> {
  const all = await listSnapshots(context)
  try {
    const snapshot = chooseSnapshot(all, id)
    if (options.dryRun !== true) await put(context, snapshot.id, options)
    return { snapshot, isBack: false }
  } catch (error) {
    if (!isFault(error, 'not-found')) throw error
    const forgotten = await findForgotten(context, id)
    if (forgotten === undefined) throw error
    return { snapshot: await bringBack(context, forgotten, options), isBack: true }
  }
}

/** `nothing-to-do` where it is not pinned. */
export async function unpinSnapshot(context: SnapshotContext, id: string): Promise<Listed> {
  const found = await findSnapshot(context, id)
  if (!(await removePin(context.store, pinIdOf(found.id), { signal: context.signal }))) {
    throw new Fault('nothing-to-do', `the snapshot ${shortId(found.id)} is not pinned`)
  }
  return found
}

async function put(context: SnapshotContext, id: Digest, { message }: PinOptions): Promise<void> {
  await putPin(
    context.store,
    {
      id: pinIdOf(id),
      by: context.by,
      at: new Date(context.clock.now()).toISOString(),
      ...(message === undefined ? {} : { message }),
      reaches: [{ kind: 'snapshot', digest: id }],
    },
    { signal: context.signal },
  )
}

/** The record that begins so and that no line names; undefined where there is none, or more than one. */
async function findForgotten({ store, signal }: SnapshotContext, id: string): Promise<Digest | undefined> {
  const digits = id.replace(/^sha256:/, '')
  if (!/^[0-9a-f]{4,64}$/.test(digits)) return undefined
  const found: Digest[] = []
  for await (const { key } of store.list(snapshotKey(`sha256:${digits}`).replace(/\.json$/, ''), { signal })) {
    const digest = digestOfSnapshotKey(key)
    if (digest !== undefined) found.push(digest)
  }
  return found.length === 1 ? found[0] : undefined
}

/**
 * The lease comes first: what a prune lists from now on waits for it, and the lease itself reaches the snapshot, so that a prune which
 * begins to delete later sees it. What was listed before must not be needed.
 */
async function bringBack(context: SnapshotContext, id: Digest, options: PinOptions): Promise<Listed> {
  const { store, clock, random, by, signal } = context
  const reaches = [{ kind: 'snapshot', digest: id }]
  const lease = options.dryRun === true ? undefined : await takeLease(store, { clock, random, by, reaches, signal })
  try {
    while (lease !== undefined && (await spare(store, id, clock.now(), { signal })) === 'look-again') await lease.confirm({ signal })
    const record = await readRecord(store, id, { signal })
    await assertWhole(context, id, record.root)
    const summary = summaryOf(record, id, [])
    if (lease !== undefined) {
      await lease.confirm({ signal })
      await put(context, id, options)
      await addBack(context, record.name, summary)
    }
    return { ...summary, name: record.name }
  } finally {
    await lease?.release().catch(() => undefined)
  }
}

async function assertWhole(context: SnapshotContext, id: Digest, root: Digest): Promise<void> {
  const chunks = await context.chunks()
  await chunks.refresh(context)
  for await (const node of traverse(chunks, root, onceEach(), context)) {
    const isKept =
      !(node.reached instanceof Fault) &&
      chunks.has(node.id) &&
      node.reached.chunks.every((chunk) => chunk.id === undefined || chunks.has(chunk.id))
    if (isKept) continue
    throw new Fault('precondition', `the snapshot ${shortId(id)} was forgotten, and a prune has begun to take away what it needs`, {
      at: context.store.name,
      hint: 'copy it from another store that has it: holdfast snapshot copy',
      cause: node.reached instanceof Fault ? node.reached : undefined,
    })
  }
}

async function addBack(context: SnapshotContext, name: string, summary: SnapshotSummary): Promise<void> {
  await moveRef(
    context,
    snapshotLine,
    name,
    (current) => {
      const others = (current?.state.snapshots ?? []).filter(({ id }) => id !== summary.id)
      const snapshots = [...others, summary].toSorted((a, b) => (a.created < b.created ? -1 : a.created > b.created ? 1 : 0))
      return { state: { snapshots }, action: 'pin', note: { added: summary.id } }
    },
    { onLost: 'retry' },
  )
}
