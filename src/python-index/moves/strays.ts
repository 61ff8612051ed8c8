import type { IndexContext } from '../context.ts'
import type { IndexBase } from '../publish/change.ts'
import type { Scan } from '../publish/scan.ts'
import type { WithdrawnFile } from '../records/project.ts'
import type { Carrier } from './carry.ts'
import { type ChangedProject, contentOf, readProjectOf, secondsOf } from './plan-move.ts'

/**
 * What an earlier try of this command copied and the source publishes no more: it lies in the target, and the next publication must not
 * list it.
 */
export async function withdrawStrays(
  { clock }: IndexContext,
  base: IndexBase,
  contents: Map<string, ChangedProject>,
  carrier: Carrier,
  scan: Scan,
): Promise<ChangedProject[]> {
  const strays = new Map<string, ChangedProject>()
  const target = await base.projects(scan.prefix)
  for (const { project, file } of carrier.copiedTo(scan.prefix)) {
    const earlier = contents.get(project) ?? strays.get(project)
    const before = earlier === undefined ? await readProjectOf(base.outbox, target, project) : earlier.before
    const after = earlier?.after ?? contentOf(project, before)
    if ([...after.files, ...after.withdrawn].some(({ name }) => name === file.name)) continue
    if (!scan.groups.get(project)?.files.some(({ name, etag }) => name === file.name && etag === file.etag)) continue
    const stray: WithdrawnFile = { ...file, why: 'rolled-back', since: secondsOf(clock.now()) }
    const changed = { before, after: { ...after, withdrawn: [...after.withdrawn, stray] } }
    if (contents.has(project)) contents.set(project, changed)
    else strays.set(project, changed)
  }
  return [...strays.values()]
}
