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
    incomplete: incompleteOf(published) ?? emptyOf(call, published),
  }
}

/** Whoever names indexes wants something of each of them. */
export function assertSomething(call: Call<object>, published: Published): void {
  const fault = emptyOf(call, published)
  if (fault !== undefined && published.prefixes.every(({ isEmpty }) => isEmpty)) throw fault
}

function emptyOf(call: Call<object>, { prefixes }: Published): Fault | undefined {
  const isNamed = call.args.some((arg) => arg !== undefined && arg !== 'all')
  const empty = prefixes.filter(({ isEmpty }) => isEmpty).map(({ prefix }) => (prefix === '' ? 'the bucket itself' : prefix))
  if (!isNamed || empty.length === 0) return undefined
  const rest = empty.length === prefixes.length ? '' : '; the rest is done'
  return new Fault('nothing-to-do', `no wheels lie in ${empty.join(', ')}${rest}`, {
    hint: 'check the names; --auto-detect-prefixes finds the folders that hold wheels',
  })
}
