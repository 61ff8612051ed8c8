import type { Fault } from '../../kit/index.ts'
import type { IndexContext } from '../context.ts'
import { type ChangeOptions, changeIndex, type IndexBase, type PrefixChange } from '../publish/change.ts'
import { describePublished, type PlannedPrefix, type Published } from '../publish/published.ts'
import type { PlannedMove } from './plan-move.ts'

/** What is to become of prefixes, in the order in which their views follow. */
export interface Move {
  readonly prefixes: ReadonlyMap<string, Pick<PlannedMove, 'plan'> & Partial<PlannedMove>>
  /** Thrown where nothing changes and the view stands; where an earlier command died before its view was written, it is written now. */
  readonly idle?: Fault | undefined
}

/** Carries out a command that names an effect. */
export async function makeMove(
  context: IndexContext,
  action: string,
  message: string | undefined,
  plan: (base: IndexBase) => Promise<Move>,
  options: Omit<ChangeOptions, 'look'>,
): Promise<Published> {
  let move: Move = { prefixes: new Map() }
  const changed = await changeIndex(
    context,
    action,
    message,
    async (base) => {
      move = await plan(base)
      const changes = new Map<string, PrefixChange>()
      for (const [prefix, { change }] of move.prefixes) if (change !== undefined) changes.set(prefix, change)
      return changes
    },
    options,
  )
  const isIdle = changed.changed.size === 0 && changed.views.every(({ written, removed }) => written.length + removed.length === 0)
  if (isIdle && move.idle !== undefined) throw move.idle
  const plans = new Map(Array.from(move.prefixes, ([prefix, { plan: planned }]): [string, PlannedPrefix] => [prefix, planned]))
  return describePublished(changed, plans)
}
