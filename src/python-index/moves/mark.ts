import { Fault } from '../../kit/index.ts'
import type { IndexContext } from '../context.ts'
import { changeIndex } from '../publish/change.ts'
import { describePublished, type PlannedPrefix, type Published } from '../publish/published.ts'
import type { ProjectStatus } from '../records/project.ts'
import { publishedProject } from './named.ts'
import { contentOf, planMove } from './plan-move.ts'
import { checkReason } from './yank.ts'

export interface MarkOptions {
  readonly prefix: string
  readonly project: string
  readonly status: ProjectStatus['status']
  /** Shown to those who install it; not for `active`. */
  readonly reason?: string | undefined
  /** Kept in the history. */
  readonly message?: string | undefined
  readonly dryRun?: boolean | undefined
}

export const projectStatuses: readonly ProjectStatus['status'][] = ['active', 'archived', 'quarantined', 'deprecated']

/**
 * Says what a project is (PEP 792): installers refuse a quarantined one and warn of the others. Throws `not-found` for a project that is
 * not there, `nothing-to-do` where it is that already.
 */
export async function markProject(context: IndexContext, options: MarkOptions): Promise<Published> {
  const { prefix, project, status, reason, message, dryRun } = options
  if (reason !== undefined) checkReason(reason)
  if (status === 'active' && reason !== undefined)
    throw new Fault('invalid', 'an active project needs no reason', { hint: 'leave out --reason' })
  const wanted: ProjectStatus = { status, ...(reason === undefined || reason === '' ? {} : { reason }) }
  let planned = new Map<string, PlannedPrefix>()
  const changed = await changeIndex(
    context,
    'mark',
    message,
    async (base) => {
      const before = await publishedProject(base, prefix, project)
      if (before.status.status === wanted.status && before.status.reason === wanted.reason)
        throw new Fault('nothing-to-do', `${before.name} is ${status} already`, { at: prefix })
      const after = { ...contentOf(before.name, before), status: wanted }
      const move = await planMove(base.outbox, prefix, await base.projects(prefix), [{ before, after }])
      planned = new Map([[prefix, move.plan]])
      return new Map([[prefix, move.change]])
    },
    { dryRun },
  )
  return describePublished(changed, planned)
}
