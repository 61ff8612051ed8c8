import { Fault } from '../../kit/index.ts'
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

/** Whoever names indexes wants something of them. */
export function assertSomething(call: Call<object>, { prefixes }: Published): void {
  const named = call.args.some((arg) => arg !== undefined && arg !== 'all')
  if (!named || !prefixes.every(({ isEmpty }) => isEmpty)) return
  throw new Fault(
    'nothing-to-do',
    `no wheels lie in ${prefixes.map(({ prefix }) => (prefix === '' ? 'the bucket itself' : prefix)).join(', ')}`,
    {
      hint: 'check the names; --auto-detect-prefixes finds the folders that hold wheels',
    },
  )
}
