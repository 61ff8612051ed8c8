import { Fault } from '../../kit/index.ts'
import type { IndexContext } from '../context.ts'
import type { IndexBase } from '../publish/change.ts'
import type { Published } from '../publish/published.ts'
import type { ProjectRecord, PublishedFile } from '../records/project.ts'
import { type Move, makeMove } from './make-move.ts'
import { publishedProject, some, versionOf, withVersion } from './named.ts'
import { contentOf, planMove } from './plan-move.ts'

export interface YankOptions {
  readonly prefix: string
  readonly project: string
  readonly version: string
  /** Only this file of the version. */
  readonly file?: string | undefined
  /** Kept in the history. */
  readonly message?: string | undefined
  readonly dryRun?: boolean | undefined
}

/**
 * Marks the files of a version so that installers take them only where they are asked for exactly (PEP 592). The reason is shown to those who
 * do; without one, what is yanked already keeps the one that it has. Throws `not-found`, saying what there is, and `nothing-to-do` where they are yanked like that already.
 */
export async function yank(context: IndexContext, options: YankOptions & { readonly reason?: string | undefined }): Promise<Published> {
  const { reason } = options
  if (reason !== undefined) checkReason(reason)
  return await mark(context, 'yank', options, (file) => ({ ...file, yanked: reason ?? file.yanked ?? '' }))
}

/** Takes that back. Throws `not-found`, and `nothing-to-do` where none of the files is yanked. */
export async function unyank(context: IndexContext, options: YankOptions): Promise<Published> {
  return await mark(context, 'unyank', options, ({ yanked: _yanked, ...file }) => file)
}

const maxReason = 1000

/** It goes into an attribute of a page. Throws `invalid`. */
export function checkReason(reason: string): void {
  if (reason.length > maxReason || /\p{Cc}/u.test(reason))
    throw new Fault('invalid', `a reason is one line of at most ${maxReason} characters`, { hint: 'write it shorter, without line breaks' })
}

async function mark(
  context: IndexContext,
  action: 'yank' | 'unyank',
  options: YankOptions,
  change: (file: PublishedFile) => PublishedFile,
): Promise<Published> {
  const { prefix, dryRun, message } = options
  const plan = async (base: IndexBase): Promise<Move> => {
    const before = await publishedProject(base, prefix, options.project)
    const chosen = new Set(choose(before, options))
    const after = { ...contentOf(before.name, before), files: before.files.map((file) => (chosen.has(file) ? change(file) : file)) }
    const move = await planMove(base.outbox, prefix, await base.projects(prefix), [{ before, after }])
    const state = action === 'yank' ? 'yanked like that already' : 'not yanked'
    return {
      prefixes: new Map([[prefix, move]]),
      idle: new Fault('nothing-to-do', `${before.name} ${options.version} is ${state}`, { at: prefix }),
    }
  }
  return await makeMove(context, action, message, plan, { dryRun })
}

function choose({ name, files }: ProjectRecord, { prefix, version, file }: YankOptions): PublishedFile[] {
  const found = withVersion(files, versionOf(version))
  if (found.length === 0) {
    const versions = [...new Set(files.map((each) => each.version))].toReversed()
    throw new Fault('not-found', `${prefix} has no ${name} ${version}`, {
      hint: versions.length === 0 ? 'it publishes no file of this project' : `its versions are ${some(versions)}`,
    })
  }
  if (file === undefined) return found
  const one = found.filter((each) => each.name === file)
  if (one.length > 0) return one
  throw new Fault('not-found', `${name} ${version} has no file ${file}`, {
    at: prefix,
    hint: `it has: ${some(found.map((each) => each.name))}`,
  })
}
