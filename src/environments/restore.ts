import { rm } from 'node:fs/promises'
import { asFault, type Fault, type FaultCode, throwIfAborted } from '../kit/index.ts'
import type { EnvironmentContext } from './context.ts'
import { momentOf } from './create.ts'
import { giveWay, makePlain } from './give-way.ts'
import { assertNobodyInside, awaitLeaving, findHolders } from './holders.ts'
import { awaitHealth, runHook, runHookAnyway } from './hooks.ts'
import { clearMark, readMark, setMark } from './mark.ts'
import type { Given, Mode, SnapshotMode } from './mode.ts'
import { checkSnapshotName, layoutOf } from './names.ts'
import { ensureLive } from './places.ts'
import { needRecord, type SnapshotRecord } from './record.ts'
import { appendRestore } from './restores.ts'
import { type Session, withSession } from './session.ts'
import { verifyRecord } from './verify.ts'

export interface RestoreOptions {
  /** The configured name where nothing is said. */
  readonly snapshot?: string | undefined
  /** Read the whole snapshot first, and restore nothing where a byte is wrong. */
  readonly verify?: boolean | undefined
  /** In-place modes compare every byte, whatever is known of a file. */
  readonly checksum?: boolean | undefined
  /** Go on although processes are inside: where the mode swaps they keep the old files, else theirs change under them. */
  readonly force?: boolean | undefined
}

export interface Restored {
  readonly snapshot: string
  readonly mode: SnapshotMode
  /** Without hooks. */
  readonly milliseconds: number
  readonly written: number
  readonly changed?: Given['changed']
  /** An in-place restore that had not ended, and that this one has put right. */
  readonly finished: boolean
  /** The whole snapshot was read first. */
  readonly verified: boolean
  /** Why the clean-up ran in place of the snapshot; undefined where the snapshot was given back. */
  readonly fellBack?: Fault | undefined
}

/**
 * Makes the live directory what a snapshot is. Throws `busy` while processes are inside, `corrupt` for a damaged snapshot and
 * `not-found` for an unknown one. Other failures are followed by the clean-up command where one is configured; that is told in
 * the result and in the report.
 */
export async function restoreSnapshot(context: EnvironmentContext, options: RestoreOptions = {}): Promise<Restored> {
  const name = options.snapshot ?? context.settings.snapshotName
  checkSnapshotName(name)
  if (context.settings.mode === 'disabled') return leftAlone(context, name)
  return await withSession(context, { whileMarked: true, snapshot: name }, async (session) => {
    const { place } = session
    const record = await needRecord(place.snapshotsDir, context.name, name)
    const mode = await context.modes(record.mode)
    await mode.check(place)
    const verified = await verifyWhereDue(session, record, options.verify === true)
    const moment = momentOf(session, name, mode)
    const surroundings = { ...context, lock: place.lock }
    await runHook(context.settings.hooks, { ...moment, hook: 'beforeRestore' }, surroundings)
    if (context.settings.hooks.beforeRestore !== undefined && options.force !== true)
      await awaitLeaving(place.live, context.clock, context.signal)
    const given = await giveBack(session, record, mode, options).catch(async (error: unknown) => {
      // What is as it was is started again; a mixture is not.
      if ((await readMark(place.snapshotsDir)) === undefined)
        await runHookAnyway(context.settings.hooks, { ...moment, hook: 'afterRestore' }, surroundings)
      throw error
    })
    await remember(session, record, given, verified)
    await runHook(context.settings.hooks, { ...moment, hook: 'afterRestore' }, surroundings)
    await awaitHealth(context.settings.hooks, moment, surroundings)
    const { besideOthers: _, ...told } = given
    return { snapshot: name, mode: mode.name, ...told, finished: session.mark !== undefined, verified }
  })
}

function leftAlone({ name: environment, report }: EnvironmentContext, name: string): Restored {
  report({ kind: 'note', level: 'info', text: `${environment} was left as it is: its mode is disabled` })
  return { snapshot: name, mode: 'disabled', milliseconds: 0, written: 0, finished: false, verified: false }
}

type GivenBack = Given & { readonly milliseconds: number; readonly fellBack?: Fault | undefined; readonly besideOthers?: boolean }

/** Every Nth restore reads the whole snapshot first. */
async function verifyWhereDue(session: Session, record: SnapshotRecord, isAsked: boolean): Promise<boolean> {
  const { verifyEvery } = session.context.settings
  const isDue = isAsked || (verifyEvery > 0 && session.state().sinceVerified + 1 >= verifyEvery)
  if (isDue) await verifyRecord(session, record)
  return isDue
}

async function giveBack(session: Session, record: SnapshotRecord, mode: Mode, options: RestoreOptions): Promise<GivenBack> {
  const { context, place, mark } = session
  const begun = context.clock.now()
  if (options.force !== true)
    assertNobodyInside(context.name, place.live, 'stop them (or let a hook do it: before_restore), or run it with --force')
  const besideOthers = options.force === true && !mode.swaps && findHolders(place.live, process.pid).holders.length > 0
  // What they wrote while a file was given back does not show in its time.
  const checksum = options.checksum === true || session.state().last?.besideOthers === true
  await ensureLive(place)
  throwIfAborted(context.signal)
  await giveWay(session, mode, options.force === true)
  if (!mode.swaps) await setMark(place.snapshotsDir, { snapshot: record.name, mode: mode.name, at: new Date(begun).toISOString() })
  try {
    if (!mode.swaps) await makePlain(session)
    const given = await mode.restore(place, record.name, { kept: record.kept, checksum })
    // Of a clean-up that did not end: the next one has others to preserve.
    if (mark !== undefined) await rm(layoutOf(place.snapshotsDir).preserved, { recursive: true, force: true })
    if (!mode.swaps || mark !== undefined) await clearMark(place.snapshotsDir)
    return { ...given, milliseconds: context.clock.now() - begun, besideOthers }
  } catch (error) {
    const fault = asFault(error)
    // A damaged snapshot is found before anything is touched.
    if (!mode.swaps && mark === undefined && fault.code === 'corrupt') await clearMark(place.snapshotsDir)
    if (!mayFallBack(context, fault)) throw fault
    await cleanInstead(session, record, fault)
    return { written: 0, milliseconds: context.clock.now() - begun, fellBack: fault }
  }
}

/** A wrong name, a damaged snapshot or a missing tool is an error, and so is what somebody stopped or holds. */
const neverFallsBack: ReadonlySet<FaultCode> = new Set(['invalid', 'not-found', 'corrupt', 'unsupported', 'busy', 'aborted', 'bug'])

function mayFallBack({ settings }: EnvironmentContext, { code }: Fault): boolean {
  return settings.onRestoreFailure === 'recreate' && settings.cleanup !== undefined && !neverFallsBack.has(code)
}

/** The clean-up works in the live directory, so it has a mark of its own. */
async function cleanInstead({ context, place }: Session, record: SnapshotRecord, fault: Fault): Promise<void> {
  context.report({
    kind: 'note',
    level: 'warning',
    event: 'snapshot_restore_failed_fallback_to_cleanup',
    text: `the restore of ${context.name} to ${record.name} failed, so the clean-up command runs: ${fault.message}`,
  })
  const recreate = await context.modes('recreate')
  await recreate.check(place)
  await setMark(place.snapshotsDir, { snapshot: record.name, mode: 'recreate', at: new Date(context.clock.now()).toISOString() })
  await recreate.restore(place, record.name, { kept: {} })
  await clearMark(place.snapshotsDir)
}

async function remember(session: Session, { name, mode }: SnapshotRecord, given: GivenBack, verified: boolean): Promise<void> {
  const { context } = session
  const { used, sinceVerified } = session.state()
  const at = new Date(context.clock.now()).toISOString()
  const fellBack = given.fellBack !== undefined
  const last = { snapshot: name, mode, at, milliseconds: given.milliseconds, ...(fellBack ? { fellBack } : {}) }
  await appendRestore(session.place.snapshotsDir, last, context.report)
  await session.remember({
    last: { ...last, ...(given.besideOthers === true ? { besideOthers: true } : {}) },
    sinceVerified: verified ? 0 : sinceVerified + 1,
    used: { ...used, [name]: at },
  })
  if (fellBack) return
  context.report({
    kind: 'note',
    level: 'info',
    event: 'snapshot_restored',
    text: `gave ${context.name} back as ${name} (${mode}, ${given.milliseconds} ms)`,
  })
}
