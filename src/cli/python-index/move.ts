import type { IndexContext, Published } from '../../python-index/index.ts'
import type { Call } from '../command.ts'
import type { Outcome } from '../output.ts'
import { agreeIfProtected } from './choose.ts'
import { outcomeOf } from './publish.ts'
import { publishedLines } from './text.ts'

/** Asks where the environment wants that, showing what would change; then carries it out, or shows what it would do. */
export async function moveOutcome(
  call: Call<object>,
  context: IndexContext,
  carryOut: (dryRun: boolean) => Promise<Published>,
): Promise<Outcome> {
  await agreeIfProtected(call, context, async () => {
    const plan = await carryOut(true)
    const isChange = plan.prefixes.some(({ hasChanged, written, removed }) => hasChanged || written.length + removed.length > 0)
    return isChange ? publishedLines(plan, call.paint, true) : []
  })
  return await outcomeOf(call, context, carryOut)
}
