import { Fault } from '../../kit/index.ts'
import type { IndexContext } from '../context.ts'
import type { IndexBase } from '../publish/change.ts'
import type { Published } from '../publish/published.ts'
import type { ProjectStatus } from '../records/project.ts'
import { type Move, makeMove } from './make-move.ts'
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
  const plan = async (base: IndexBase): Promise<Move> => {
    const before = await publishedProject(base, prefix, project)
    const after = { ...contentOf(before.name, before), status: wanted }
    const move = await planMove(base.outbox, prefix, await base.projects(prefix), [{ before, after }])
    return { prefixes: new Map([[prefix, move]]), idle: new Fault('nothing-to-do', `${before.name} is ${status} already`, { at: prefix }) }
  }
  return await makeMove(context, 'mark', message, plan, { dryRun })
}
