import { Fault, formatBytes, formatDuration, isFault } from '../kit/index.ts'
import type { EnvironmentContext } from './context.ts'
import type { Mode, ModeSettings, SnapshotMode } from './mode.ts'
import type { Session } from './session.ts'
import type { EnvironmentState } from './state.ts'

/** What the choice looks at. */
export interface TreeSize {
  readonly entries: number
  readonly bytes: number
  /** The size of each. */
  readonly files: readonly number[]
}

/**
 * The mode that a create takes, checked, and why where that was left to us. What `auto` took once it takes again, until that
 * works no more; a change is said.
 */
export async function chooseMode(session: Session, size: TreeSize): Promise<{ readonly mode: Mode; readonly why?: string | undefined }> {
  const { context, place } = session
  const known = chosenMode(context, session.state())
  if (known !== undefined) {
    const mode = await context.modes(known.mode)
    const refusal = await refusalOf(mode, session)
    if (refusal === undefined) return { mode, why: known.why }
    if (context.settings.mode !== 'auto') throw refusal
    context.report({ kind: 'note', level: 'warning', text: `the mode ${known.mode} of ${context.name} works no more: ${refusal.message}` })
  }
  const refused: string[] = []
  let overlayRefused = false
  for (const { mode: name, why } of rankModes(size, place.settings)) {
    // Where no overlay can lie over it, an image is unpacked whole for each restore.
    if (name === 'squashfs' && overlayRefused) continue
    const mode = await context.modes(name)
    const refusal = await refusalOf(mode, session)
    if (refusal !== undefined) {
      overlayRefused ||= name === 'overlay'
      refused.push(`${name}: ${refusal.message}`)
      continue
    }
    const chosen = { mode: name, why: refused.length === 0 ? why : `${why}; not ${refused.join('; not ')}` }
    await session.remember({ chosen })
    return { mode, why: chosen.why }
  }
  throw new Fault('unsupported', `no mode can keep ${context.name} here: ${refused.join('; ')}`, { at: place.live })
}

/** What the configuration names, or `auto` took before. */
export function chosenMode(
  { settings }: Pick<EnvironmentContext, 'settings'>,
  state: EnvironmentState,
): { readonly mode: SnapshotMode; readonly why?: string | undefined } | undefined {
  return settings.mode === 'auto' ? state.chosen : { mode: settings.mode }
}

async function refusalOf(mode: Mode, { place }: Session): Promise<Fault | undefined> {
  try {
    await mode.check(place)
    return undefined
  } catch (error) {
    if (isFault(error, 'unsupported') || isFault(error, 'denied')) return error
    throw error
  }
}

export interface Estimate {
  readonly mode: SnapshotMode
  /** Of one restore. */
  readonly restore: number
  /** What a suite takes longer than on the plain directory. */
  readonly suite: number
  readonly why: string
}

/** Files from here on are databases and the like: written to in places, and too large to be copied for it. */
const largeFile = 4 << 20
/** Of the bytes, what a suite changes. */
const changedShare = 0.02
/** Bytes a millisecond, of a middling disk. */
const reading = 1_500_000
const writing = 400_000

/**
 * What each mode costs a suite, restore and slow-down together, in milliseconds, the cheapest first. Rough, from measurements;
 * what matters is what grows with what: an overlay copies a whole file up on its first write, rsync copies it back whole.
 */
export function rankModes({ entries, bytes, files }: TreeSize, { copier }: Pick<ModeSettings, 'copier'>): Estimate[] {
  const large = files.filter((size) => size >= largeFile).reduce((sum, size) => sum + size, 0)
  const changed = bytes * changedShare
  const copyUp = large / writing
  const copyUpText =
    large === 0
      ? 'no file is too large to be copied on its first write'
      : `${formatBytes(large)} of large files are copied on their first write`
  const estimate = (mode: SnapshotMode, restore: number, suite: number, text: string): Estimate => {
    return { mode, restore, suite, why: `${text} (about ${formatDuration(restore)} a restore, ${formatDuration(suite)} on top of a suite)` }
  }
  const inPlace = 60 + entries * 0.05 + large / reading + changed / writing
  const all = [
    estimate('reflink', 20 + entries * 0.06, (changed / writing) * 0.3, 'the file system clones files'),
    estimate('overlay', 40, copyUp, copyUpText),
    // Reads go through the image.
    estimate('squashfs', 40, copyUp * 1.3 + bytes / reading, `${copyUpText}, and all are read through the image`),
    // Its image is one more thing to look after.
    estimate('volume', 300, (changed / writing) * 0.5, 'an image of our own clones files'),
    copier === 'builtin'
      ? estimate('filesystem', inPlace, 0, 'large files that changed are compared, and what differs is written')
      : estimate('filesystem', 60 + entries * 0.08 + large / writing, 0, 'files that changed are copied whole'),
    estimate('store', inPlace * 1.2, 0, 'large files that changed are compared with the store'),
  ]
  return all.sort((a, b) => a.restore + a.suite - (b.restore + b.suite))
}
