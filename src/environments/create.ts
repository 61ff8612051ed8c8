import { statfs } from 'node:fs/promises'
import { asFault, Fault, formatBytes } from '../kit/index.ts'
import { chooseMode } from './choose.ts'
import { cleanUpSnapshots } from './cleanup.ts'
import type { EnvironmentContext } from './context.ts'
import { digestTree } from './digest.ts'
import { measureTree } from './entries.ts'
import { giveWay } from './give-way.ts'
import { assertNobodyWrites, awaitLeaving } from './holders.ts'
import { type HookMoment, runHook, runHookAnyway } from './hooks.ts'
import { assertFree, makeFree } from './make-free.ts'
import { clearIntent, setIntent } from './mark.ts'
import type { Kept, Mode, Place } from './mode.ts'
import { checkSnapshotName } from './names.ts'
import { liveExists, resolvePlace } from './places.ts'
import type { TreeSize } from './rank.ts'
import { dropRecord, recordFormat, type SnapshotRecord, writeRecord } from './record.ts'
import { removeBuilt, type Session, withSession } from './session.ts'
import { isBare } from './switch/mount.ts'

export interface CreateOptions {
  /** The configured name where nothing is said. */
  readonly snapshot?: string | undefined
  /** A snapshot of that name goes first. */
  readonly replace?: boolean | undefined
  /** Read every byte, so that the snapshot can be verified from its beginning. */
  readonly checksum?: boolean | undefined
  /** Go on although files are open for writing: what is written meanwhile is in the snapshot, or not, or half. */
  readonly force?: boolean | undefined
}

export interface Created {
  readonly record: SnapshotRecord
  readonly milliseconds: number
  /** Why `auto` took the mode; undefined where the configuration names it. */
  readonly why?: string | undefined
  /** Snapshots that the automatic clean-up removed. */
  readonly cleaned: readonly string[]
}

/**
 * Keeps the live directory under a name. The record is written last: killed before that, the next command removes what was
 * made. Throws `already-exists` where the name is taken, `busy` where files are open for writing and the mode cannot cope.
 */
export async function createSnapshot(context: EnvironmentContext, options: CreateOptions = {}): Promise<Created> {
  const name = options.snapshot ?? context.settings.snapshotName
  checkSnapshotName(name)
  if (context.settings.mode === 'disabled') {
    throw new Fault('nothing-to-do', `the mode of ${context.name} is disabled: nothing is kept`, {
      hint: 'choose another, such as mode = "auto"',
    })
  }
  try {
    await assertThere(context, await resolvePlace(context))
    return await withSession(context, { makes: true }, async (session) => await createIn(session, name, options))
  } catch (error) {
    context.report({
      kind: 'note',
      level: 'warning',
      event: 'snapshot_creation_failed',
      text: `the snapshot ${name} of ${context.name} was not made`,
    })
    throw error
  }
}

/** Before anything is made for it. */
async function assertThere({ name }: EnvironmentContext, place: Place): Promise<void> {
  if (!(await liveExists(place))) {
    throw new Fault('not-found', `the live directory of ${name} is not there`, {
      at: place.live,
      hint: 'start the environment first, or check `path`',
    })
  }
  if (!isBare(place.live)) return
  throw new Fault('not-found', 'there is nothing to keep: the live directory is not mounted, as after a restart of the machine', {
    at: place.live,
    hint: `mount a clean state: holdfast env restore ${name}; or give back what was there: holdfast env stop ${name}`,
  })
}

async function createIn(session: Session, name: string, options: CreateOptions): Promise<Created> {
  const { context, place } = session
  await assertThere(context, place)
  const size = await measureTree(place.live, context.signal)
  const { mode, why } = await chooseMode(session, size)
  await assertFree(session, name, options.replace === true)
  await assertRoom(session, mode, size.bytes)
  const moment = momentOf(session, name, mode)
  const surroundings = { ...context, lock: place.lock }
  await runHook(context.settings.hooks, { ...moment, hook: 'beforeCreate' }, surroundings)
  if (context.settings.hooks.beforeCreate !== undefined && options.force !== true)
    await awaitLeaving(place.live, context.clock, context.signal)
  const begun = context.clock.now()
  const record = await keepAndRecord(session, mode, name, size, options).catch(async (error: unknown) => {
    await runHookAnyway(context.settings.hooks, { ...moment, hook: 'afterCreate' }, surroundings)
    throw error
  })
  const milliseconds = context.clock.now() - begun
  await runHook(context.settings.hooks, { ...moment, hook: 'afterCreate' }, surroundings)
  context.report({
    kind: 'note',
    level: 'info',
    event: 'snapshot_created',
    text: `made the snapshot ${name} of ${context.name} (${mode.name})`,
  })
  const cleaned = context.settings.autoCleanup ? (await cleanUpSnapshots(session, { except: name })).removed : []
  return { record, milliseconds, why, cleaned }
}

const stopWriters = 'stop what writes there (or let a hook do it: before_create), or run it with --force'

async function keepAndRecord(session: Session, mode: Mode, name: string, size: TreeSize, options: CreateOptions): Promise<SnapshotRecord> {
  const { context, place } = session
  if (!mode.createsBesideWriters && options.force !== true) assertNobodyWrites(context.name, place.live, stopWriters)
  const replaced = options.replace === true && (await makeFree(session, name, options.force === true))
  if (mode.name === 'reflink') await giveWay(session, mode, options.force === true)
  await setIntent(place.snapshotsDir, { name, mode: mode.name })
  try {
    const record = await keep(session, mode, name, size, options)
    await writeRecord(place.snapshotsDir, record)
    await clearIntent(place.snapshotsDir)
    return record
  } catch (error) {
    await takeBack(session, mode, name).catch((second: unknown) =>
      context.report({
        kind: 'note',
        level: 'warning',
        text: `the next command removes what is left of ${name}: ${asFault(second).message}`,
      }),
    )
    if (replaced) context.report({ kind: 'note', level: 'warning', text: `the snapshot ${name} that was to be replaced is gone` })
    throw error
  }
}

/** What fails leaves nothing. */
async function takeBack({ place }: Session, mode: Mode, name: string): Promise<void> {
  await mode.delete(place, name)
  await mode.recover(place)
  await removeBuilt(place)
  await dropRecord(place.snapshotsDir, name)
  await clearIntent(place.snapshotsDir)
}

async function keep(session: Session, mode: Mode, name: string, size: TreeSize, options: CreateOptions): Promise<SnapshotRecord> {
  const { context, place } = session
  const kept = await mode.create(place, name)
  const known = await digestsOf(session, mode, name, kept, options.checksum === true)
  return {
    format: recordFormat,
    name,
    environment: context.name,
    mode: mode.name,
    created: new Date(context.clock.now()).toISOString(),
    path: place.live,
    entries: size.entries,
    bytes: size.bytes,
    kept,
    ...known,
  }
}

/** What hooks are told of a command. */
export function momentOf({ context, place }: Session, snapshot: string, mode: Mode): Omit<HookMoment, 'hook'> {
  return {
    environment: context.name,
    path: place.live,
    snapshot,
    snapshotsDir: place.snapshotsDir,
    mode: mode.name,
    signal: context.signal,
  }
}

/** Modes whose snapshot takes as much room as the live directory. */
const fullCopies = new Set(['filesystem', 'squashfs'])

async function assertRoom({ place, context }: Session, mode: Mode, bytes: number): Promise<void> {
  if (!fullCopies.has(mode.name) || (mode.name === 'squashfs' && place.settings.squashfsCompression !== 'none')) return
  const { bavail, bsize } = await statfs(place.snapshotsDir)
  const free = bavail * bsize
  if (free >= bytes) return
  throw new Fault(
    'unavailable',
    `there is no room for a snapshot of ${context.name}: it takes up to ${formatBytes(bytes)}, and ${formatBytes(free)} are free`,
    {
      at: place.snapshotsDir,
      hint: 'free some space, remove old snapshots (holdfast env cleanup), or set `snapshots_dir`',
    },
  )
}

/** Of modes whose tree lies there to be read; an image has a digest of its own. */
const readableAtOnce = new Set(['filesystem', 'overlay', 'reflink', 'volume'])

async function digestsOf(
  { place, context }: Session,
  mode: Mode,
  name: string,
  kept: Kept,
  checksum: boolean,
): Promise<Pick<SnapshotRecord, 'tree' | 'content'>> {
  if (kept.digest !== undefined || !(readableAtOnce.has(mode.name) || (checksum && mode.name !== 'recreate'))) return {}
  const tree = await mode.open(place, name)
  try {
    const { signal } = context
    return checksum
      ? { content: await digestTree(tree.path, { content: true, signal }) }
      : { tree: await digestTree(tree.path, { content: false, signal }) }
  } finally {
    await tree.close()
  }
}
