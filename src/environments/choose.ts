import { Fault, isFault } from '../kit/index.ts'
import type { EnvironmentContext } from './context.ts'
import type { Mode, SnapshotMode } from './mode.ts'
import type { Session } from './session.ts'
import type { EnvironmentState } from './state.ts'

/** The mode that a create takes, and why where that was left to us. */
export async function chooseMode(session: Session): Promise<{ readonly mode: Mode; readonly why?: string | undefined }> {
  const { context, place } = session
  const known = chosenMode(context, session.state())
  if (known !== undefined) return { mode: await context.modes(known.mode), why: known.why }
  for (const name of ['reflink', 'filesystem'] as const) {
    const mode = await context.modes(name)
    try {
      await mode.check(place)
      await session.remember({ chosen: { mode: name, why: '' } })
      return { mode }
    } catch (error) {
      if (!isFault(error, 'unsupported')) throw error
    }
  }
  throw new Fault('unsupported', 'no mode works here')
}

/** What the configuration names, or `auto` took before. */
export function chosenMode(
  { settings }: EnvironmentContext,
  state: EnvironmentState,
): { readonly mode: SnapshotMode; readonly why?: string | undefined } | undefined {
  return settings.mode === 'auto' ? state.chosen : { mode: settings.mode }
}
