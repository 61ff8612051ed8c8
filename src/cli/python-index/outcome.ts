import type { IndexContext, Published } from '../../python-index/index.ts'
import type { Call } from '../command.ts'
import type { Outcome } from '../output.ts'
import { printable } from '../width.ts'
import { agreeIfProtected } from './choose.ts'
import { foreignLines, incompleteOf, publishedLines, purgeOf } from './text.ts'

/**
 * Changes an index, or shows what would change; where the environment is protected it shows that first, and asks. `what` says it where
 * files that come and go do not.
 */
export async function changeOutcome(
  call: Call<object>,
  context: IndexContext,
  carryOut: (dryRun: boolean) => Promise<Published>,
  what: readonly string[] = [],
): Promise<Outcome> {
  const dryRun = call.options.dryRun === true
  await agreeIfProtected(call, context, async () => {
    const plan = await carryOut(true)
    const isChange = plan.prefixes.some(({ hasChanged, written, removed }) => hasChanged || written.length + removed.length > 0)
    return isChange ? [...what, ...publishedLines(plan, call.paint, true)] : []
  })
  if (!dryRun) await context.prepareStore()
  const published = await carryOut(dryRun)
  const lines = [...publishedLines(published, call.paint, dryRun), ...(call.options.verbose === true ? foreignLines(published) : [])]
  return {
    result: { ...published, environment: context.environment.name, purge: purgeOf(published), dryRun },
    text: [...(dryRun ? ['dry run: nothing was changed'] : []), ...what.map(printable), ...lines].join('\n'),
    incomplete: incompleteOf(published),
  }
}
