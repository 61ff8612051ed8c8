import { mkdir, rm } from 'node:fs/promises'
import { type Digest, Fault } from '../kit/index.ts'
import { realSys } from '../kit/sys/index.ts'
import type { Listed, SnapshotContext } from '../snapshots/index.ts'
import { chosenMode } from './choose.ts'
import type { EnvironmentContext } from './context.ts'
import { digestTree } from './digest.ts'
import { measureTree } from './entries.ts'
import { clearIntent, setIntent } from './mark.ts'
import { assertFree, makeFree } from './make-free.ts'
import type { Mode } from './mode.ts'
import { checkSnapshotName, layoutOf } from './names.ts'
import { needRecord, recordFormat, type SnapshotRecord, writeRecord } from './record.ts'
import { type Session, withSession } from './session.ts'
import { openTree } from './verify.ts'
import { tellLeftOut } from './left-out.ts'

export interface Pushed {
  readonly snapshot: string
  /** The line of snapshots in the store, as `holdfast snapshot list` shows it. */
  readonly line: string
  readonly id: Digest
  /** The store had exactly this tree already. */
  readonly isUnchanged: boolean
}

/** Stores a snapshot in a holdfast store: only what the store does not have is sent. */
export async function pushSnapshot(
  context: EnvironmentContext,
  store: SnapshotContext,
  name = context.settings.snapshotName,
): Promise<Pushed> {
  return await withSession(context, { whileMarked: true, snapshot: name }, async ({ place }) => {
    const record = await needRecord(place.snapshotsDir, context.name, name)
    await using tree = await openTree(context, place, record)
    const line = lineOf(context, name)
    const { createSnapshot } = await import('../snapshots/index.ts')
    const made = await createSnapshot(store, {
      paths: [tree.path],
      cwd: tree.path,
      name: line,
      skipUnchanged: true,
    })
    const { id, isUnchanged, problems } = made
    if (problems.count > 0) {
      const [first] = problems.first
      throw new Fault('partial', `${problems.count} entries of ${name} could not be stored, such as ${first?.path}: ${first?.message}`, {
        at: store.store.name,
      })
    }
    await tellLeftOut(made, place.report)
    return { snapshot: name, line, id, isUnchanged }
  })
}

export interface PullOptions {
  readonly snapshot?: string | undefined
  /** A snapshot of that name goes first. */
  readonly replace?: boolean | undefined
}

/**
 * Brings a snapshot from a holdfast store, whole before it is one. It is kept as a tree: of the mode `reflink` where that is taken here,
 * else of `filesystem`, which has to work.
 */
export async function pullSnapshot(
  context: EnvironmentContext,
  store: SnapshotContext,
  options: PullOptions = {},
): Promise<SnapshotRecord> {
  const name = options.snapshot ?? context.settings.snapshotName
  checkSnapshotName(name)
  // Before anything is made for it.
  const snapshot = await findPushed(context, store, name)
  return await withSession(context, { whileMarked: true, makes: true }, async (session) => {
    const { place } = session
    const { restoreSnapshot } = await import('../snapshots/index.ts')
    const mode = await treeMode(session)
    const layout = layoutOf(place.snapshotsDir)
    const built = layout.build(`pull-${name}`)
    await assertFree(session, name, options.replace === true)
    try {
      await mkdir(built)
      const { problems } = await restoreSnapshot(store, { snapshot, path: '', target: built, delete: true, allowDevices: true })
      if (problems.count > 0)
        throw new Fault(
          'partial',
          `${problems.count} entries of ${name} could not be brought, such as ${problems.first[0]?.path}: ${problems.first[0]?.message}`,
        )
      const { entries, bytes } = await measureTree(built, context.signal)
      // Not before: what is there stays where the other cannot be had.
      await makeFree(session, name, false)
      await setIntent(place.snapshotsDir, { name, mode: mode.name })
      realSys.renameToFree(built, layout.tree(name))
      const tree = await digestTree(layout.tree(name), { content: false, signal: context.signal })
      const kept = { stored: bytes, facts: { pulled: snapshot.id } }
      const record: SnapshotRecord = {
        format: recordFormat,
        name,
        environment: context.name,
        mode: mode.name,
        created: snapshot.created,
        path: place.live,
        entries,
        bytes,
        kept,
        tree,
      }
      await writeRecord(place.snapshotsDir, record)
      await clearIntent(place.snapshotsDir)
      return record
    } finally {
      await rm(built, { recursive: true, force: true })
    }
  })
}

/** What was pushed as this snapshot last. Throws `not-found`, and says what there is. */
async function findPushed(context: EnvironmentContext, store: SnapshotContext, name: string): Promise<Listed> {
  const { listSnapshots } = await import('../snapshots/index.ts')
  const line = lineOf(context, name)
  const found = (await listSnapshots(store, { name: line })).at(-1)
  if (found !== undefined) return found
  const all = new Set((await listSnapshots(store, { name: lineStart })).map((each) => each.name))
  const own = lineOf(context, '')
  const names = [...all].filter((each) => each.startsWith(own)).map((each) => each.slice(own.length))
  const others = [...all].map((each) => each.slice(lineStart.length))
  throw new Fault('not-found', `the store has no snapshot ${name} of ${context.name}`, {
    at: store.store.name,
    hint:
      names.length > 0
        ? `there are: ${names.slice(0, 20).join(', ')}`
        : others.length > 0
          ? `it has only those of other environments: ${others.slice(0, 20).join(', ')}`
          : `keep one there first, from where it is: holdfast env push ${context.name} --store URL`,
  })
}

/** The mode that can give a tree back which lies there by itself. */
async function treeMode({ context, place, state }: Session): Promise<Mode> {
  const mode = await context.modes(chosenMode(context, state())?.mode === 'reflink' ? 'reflink' : 'filesystem')
  await mode.check(place)
  return mode
}

/** Of the name of an environment, which may be anything, what the name of a line may have. */
function lineOf({ name: environment }: EnvironmentContext, name: string): string {
  return `${lineStart}${encodeURIComponent(environment)}/${name}`
}

const lineStart = 'env/'
