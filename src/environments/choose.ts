import { Fault, isFault } from '../kit/index.ts'
import type { EnvironmentContext } from './context.ts'
import { measureRates } from './disk-rates.ts'
import type { Mode, SnapshotMode } from './mode.ts'
import { isTooSlow, rankModes, type TreeSize } from './rank.ts'
import type { Session } from './session.ts'
import type { EnvironmentState } from './state.ts'

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
  const ranked = rankModes(size, place.settings, await measureRates(place, size))
  for (const { mode: name, why } of ranked) {
    // Where no overlay can lie over it, an image is unpacked whole for each restore.
    if (name === 'squashfs' && overlayRefused) continue
    const mode = await context.modes(name)
    const refusal = await refusalOf(mode, session)
    if (refusal !== undefined) {
      overlayRefused ||= name === 'overlay'
      refused.push(`${name}: ${refusal.message}`)
      continue
    }
    const quicker = name === 'overlay' ? undefined : ranked.find((each) => each.mode === 'overlay' && isTooSlow(each))
    const passedOver = [...(quicker === undefined || overlayRefused ? [] : [`overlay: ${quicker.why}`]), ...refused]
    const chosen = { mode: name, why: [why, ...passedOver].join('; not ') }
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
