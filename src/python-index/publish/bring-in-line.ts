import { canonicalJson, digestOf, forEachBounded } from '../../kit/index.ts'
import type { IndexContext } from '../context.ts'
import { rootPages } from '../pages/page.ts'
import type { WrittenProject } from '../records/facts.ts'
import { byName, shownProjects } from './catalogued.ts'
import { isMadeOf, sumOfRoot, sumOfScan, sumOfView } from './in-line.ts'
import { keyIn } from './layout.ts'
import { bringProjectInLine } from './project-view.ts'
import { type Removal, removalsIn } from './removals.ts'
import { groupOf } from './scan.ts'
import { createViewLog, type View, type ViewLog, type WrittenView } from './view.ts'
import { writePages } from './write-pages.ts'

/**
 * Writes what is missing or otherwise: of each project companions before pages, then the root pages, and only then removes what is to go. What
 * stands as it was written is neither read nor written. In a dry run nothing is.
 */
export async function bringInLine(context: IndexContext, view: View): Promise<WrittenView> {
  const { prefix, projects, scan, facts, rules } = view
  const log = createViewLog(prefix)
  const shown = await shownProjects(projects, view.read)
  const task = `bring the pages of ${prefix} in line`
  context.report({ kind: 'begin', task, items: Object.keys(projects).length })
  await forEachBounded(
    Object.entries(projects),
    8,
    async ([name, { record }], signal) => {
      const group = groupOf(scan, name)
      const before = facts?.projects[name]
      if (before?.record !== record || before.rows !== sumOfView(group, rules))
        await bringProjectInLine(context, view, group, record, before, log, signal)
      context.report({ kind: 'advance', task, items: 1 })
    },
    context.signal,
  )
  context.report({ kind: 'end', task })
  const names = digestOf(canonicalJson(shown))
  if (facts?.root.names !== names || facts.root.rows !== sumOfRoot(scan, rules))
    await writePages(context, view, rootPages(prefix, shown), scan.root, log, context.signal)
  for (const removal of await removalsIn(context, view, new Set(shown))) await remove(context, view, removal, log)
  const written = byName<WrittenProject>()
  for (const [name, { record }] of Object.entries(projects)) written[name] = { record, rows: sumOfView(groupOf(scan, name), rules) }
  const root = { names, rows: sumOfRoot(scan, rules) }
  return {
    ...log.told(),
    facts: { catalogue: view.catalogue, projects: written, root },
    seen: isMadeOf(projects, scan) ? sumOfScan(scan, rules) : undefined,
  }
}

/** Removes one object of the view. */
export async function remove(context: IndexContext, { prefix, dryRun }: View, { name, forget }: Removal, log: ViewLog): Promise<void> {
  const key = keyIn(prefix, name)
  if (!dryRun) await context.bucket.delete(key, { signal: context.signal })
  forget()
  log.removed(key)
}
