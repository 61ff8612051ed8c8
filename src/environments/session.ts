import { accessSync, constants, existsSync } from 'node:fs'
import { readdir, unlink } from 'node:fs/promises'
import path from 'node:path'
import { asFault, diskFault, errno, Fault, isTemporary, throwIfAborted, makeDirectoriesSync } from '../kit/index.ts'
import { mountsAt } from '../kit/sys/index.ts'
import { sweepAside } from './clone-aside.ts'
import type { EnvironmentContext } from './context.ts'
import { withLock } from './lock.ts'
import { assertNotMarked, clearIntent, type Intent, type Mark, readIntent, readMark } from './mark.ts'
import type { Mode, Place, SnapshotMode } from './mode.ts'
import { buildStart, layoutOf } from './names.ts'
import { assertNotForeignMount, resolvePlace } from './places.ts'
import { dropRecord, findRecord, needRecord, type Records, readRecords } from './record.ts'
import { type EnvironmentState, readState, writeState } from './state.ts'
import { discard, sweepTrash } from './trash.ts'

/** An environment that one command works on, alone. */
export interface Session {
  readonly context: EnvironmentContext
  readonly place: Place
  /** As they were when the command began. */
  readonly records: Records
  readonly mark: Mark | undefined
  state(): EnvironmentState
  /** Where it cannot be written that is a warning: what it tells of has been done. */
  remember(change: Partial<EnvironmentState>): Promise<void>
}

export interface SessionOptions {
  /** Go on although an in-place restore has not ended: only for what ends it, or does not look at the live directory. */
  readonly whileMarked?: boolean | undefined
  /** Makes the snapshots directory where there is none: only for what keeps something. */
  readonly makes?: boolean | undefined
  /** What it is about: where nothing is kept at all, that is what there is not. */
  readonly snapshot?: string | undefined
}

/**
 * Runs `work` with the lock of the environment, after putting right what a killed command left. Throws `busy` where the
 * lock cannot be had, or an in-place restore has not ended, and `not-found` where nothing was ever kept.
 */
export async function withSession<T>(
  context: EnvironmentContext,
  options: SessionOptions,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  throwIfAborted(context.signal)
  const place = await resolvePlace(context)
  const layout = layoutOf(place.snapshotsDir)
  if (options.makes !== true) await assertKept(context, place, options.snapshot)
  // Before there may be no room for it.
  assertWritable(layout.trash)
  const { settings, clock, signal, report } = context
  const lock = {
    file: layout.lock,
    name: context.name,
    onBusy: settings.onBusy,
    limit: settings.waitLimit,
    clock,
    signal,
    onWait: () => report({ kind: 'note', level: 'info', text: `waiting for another command on the environment ${context.name}` }),
  }
  return await withLock(lock, async (held) => await work(await openSession(context, options, { ...place, lock: held })))
}

/** A path that was mistyped leaves no folder behind. */
async function assertKept({ name, settings }: EnvironmentContext, place: Place, snapshot = settings.snapshotName): Promise<void> {
  if (!isAnythingKept(name, place)) await needRecord(place.snapshotsDir, name, snapshot)
}

/** False where nothing was ever kept here, so that nothing is to be done. Throws `not-found` where there is no live directory either. */
export function isAnythingKept(environment: string, { live, snapshotsDir }: Place): boolean {
  if (existsSync(snapshotsDir) || mountsAt(live).length > 0) return true
  if (existsSync(live)) return false
  throw new Fault('not-found', `the live directory of ${environment} is not there, and nothing of it is kept`, {
    at: live,
    hint: 'check `path`',
  })
}

/** Makes a directory where it is not there. Throws where this user may not write there, as every command has to. */
export function assertWritable(directory: string): void {
  try {
    makeDirectoriesSync(directory)
    accessSync(directory, constants.W_OK)
  } catch (error) {
    const fault = diskFault(error, directory, 'write to the snapshots directory')
    if (fault.code !== 'denied') throw fault
    const hint = 'run it as who may write there, or set `snapshots_dir` to a directory that this user may write to'
    throw new Fault('denied', fault.message, { at: directory, hint, cause: error })
  }
}

async function openSession(context: EnvironmentContext, options: SessionOptions, place: Place): Promise<Session> {
  const mark = await readMark(place.snapshotsDir)
  if (options.whileMarked !== true) assertNotMarked(context.name, mark)
  const records = await readRecords(place.snapshotsDir)
  let state = await readState(place.snapshotsDir, context.report)
  const intent = await readIntent(place.snapshotsDir, context.report)
  const modes = await modesOf(context, place, records, state, [mark, intent])
  await recover(context, place, modes, intent)
  await assertNotForeignMount(place, context.name, modes)
  return {
    context,
    place,
    records,
    mark,
    state: () => state,
    async remember(change) {
      state = { ...state, ...change }
      try {
        await writeState(place.snapshotsDir, state)
      } catch (error) {
        // Without it the next restore would trust times that mean nothing.
        if (change.last?.besideOthers === true) throw error
        const { message, at } = asFault(error)
        context.report({ kind: 'note', level: 'warning', text: `${at ?? place.snapshotsDir}: ${message}` })
      }
    },
  }
}

/** Every mode that has left something here, or is about to. */
export async function modesOf(
  { settings, modes }: EnvironmentContext,
  place: Pick<Place, 'snapshotsDir'>,
  { records }: Pick<Records, 'records'>,
  state: EnvironmentState,
  begun: readonly ({ readonly mode: SnapshotMode } | undefined)[],
): Promise<Mode[]> {
  const names = new Set<SnapshotMode | undefined>(records.map(({ mode }) => mode))
  for (const each of begun) names.add(each?.mode)
  names.add(state.last?.mode)
  for (const each of tracesIn(place)) names.add(each)
  names.add(settings.mode === 'auto' ? state.chosen?.mode : settings.mode)
  return await Promise.all([...names].filter((name) => name !== undefined).map((name) => modes(name)))
}

/** Modes that something lies here of, also where no record says so any more. */
function tracesIn({ snapshotsDir }: Pick<Place, 'snapshotsDir'>): SnapshotMode[] {
  const { layers, mounts, volumeImage } = layoutOf(snapshotsDir)
  const traces = { overlay: layers, squashfs: mounts, volume: volumeImage } as const
  return (['overlay', 'squashfs', 'volume'] as const).filter((mode) => existsSync(traces[mode]))
}

/** Puts right what a killed command left, and says so. */
async function recover(context: EnvironmentContext, place: Place, modes: readonly Mode[], intent: Intent | undefined): Promise<void> {
  const tell = (text: string) => context.report({ kind: 'note', level: 'info', text })
  // Modes that share their layers tell the same.
  const notes = new Set<string>()
  for (const mode of modes) for (const note of (await mode.recover(place)).notes) notes.add(note)
  for (const note of notes) tell(note)
  if (intent !== undefined) {
    if ((await findRecord(place.snapshotsDir, intent.name)) === undefined) {
      await (await context.modes(intent.mode)).delete(place, intent.name)
      await dropRecord(place.snapshotsDir, intent.name)
      tell(`removed what a create or delete of ${intent.name} that did not end had left`)
    }
    await clearIntent(place.snapshotsDir)
  }
  if (await sweepAside(place)) tell('removed a copy that a killed command had begun to make')
  const built = await removeBuilt(place)
  if (built > 0) tell(`removed what killed commands had begun to build: ${built}`)
  await removeTemporaries(place)
  await sweepTrash(place)
}

/** Throws away trees that were being built. How many there were. */
export async function removeBuilt(place: Place): Promise<number> {
  const { home } = layoutOf(place.snapshotsDir)
  const built = (await namesIn(home)).filter((name) => name.startsWith(buildStart))
  for (const name of built) await discard(place, path.join(home, name))
  return built.length
}

/** Files that were being written: nobody else is here now. */
async function removeTemporaries({ snapshotsDir }: Place): Promise<void> {
  const { home, layers } = layoutOf(snapshotsDir)
  const places = [snapshotsDir, home, ...(await namesIn(layers)).map((name) => path.join(layers, name))]
  for (const directory of places) {
    for (const name of (await namesIn(directory)).filter(isTemporary)) {
      const file = path.join(directory, name)
      await unlink(file).catch((error: unknown) => {
        throw diskFault(error, file, 'remove what a killed command had begun to write')
      })
    }
  }
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory)
  } catch (error) {
    if (errno(error) === 'ENOENT') return []
    throw diskFault(error, directory, 'look for what a killed command left')
  }
}
