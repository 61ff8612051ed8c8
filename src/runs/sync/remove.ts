import { asFault, Fault, throwIfAborted } from '../../kit/index.ts'
import { runFolder } from '../format/place.ts'
import type { TargetFolder } from './local/folder.ts'
import type { Selection } from './plan/selection.ts'
import { mostTold } from './report.ts'
import type { State } from './state/state.ts'

export interface Removing {
  readonly state: State
  readonly folder: TargetFolder
  readonly selection: Selection
  readonly force: boolean
  readonly signal: AbortSignal | undefined
}

const filesAtOnce = 1000

/**
 * Removes the files that a sync wrote and the source does not have any more, once that is agreed to. One that was edited here stays,
 * and is told, without `force`. How many were removed.
 */
export async function removeGone(
  removing: Removing,
  agree: (count: number, first: readonly string[]) => Promise<boolean>,
): Promise<number> {
  const { state, selection, signal } = removing
  const { count, first } = goneKeys(state, selection)
  if (count === 0) return 0
  if (!(await agree(count, first))) {
    throw new Fault('aborted', 'you did not agree: nothing was removed, and what was fetched stays')
  }
  let removed = 0
  let after = { run: -1, path: '' }
  for (;;) {
    throwIfAborted(signal)
    const files = state.files.gone(selection.project, filesAtOnce, after).first
    const last = files.at(-1)
    if (last === undefined) return removed
    after = last
    state.transaction(() => {
      for (const file of files) if (removeOne(removing, file)) removed++
    })
  }
}

/** How many files the source does not have any more, and the first of them. */
export function goneKeys(state: State, { project }: Selection): { readonly count: number; readonly first: readonly string[] } {
  const { count, first } = state.files.gone(project, mostTold)
  return { count, first: first.map((file) => keyOf(state, file)) }
}

type GoneFile = ReturnType<State['files']['gone']>['first'][number]

function removeOne({ state, folder, force }: Removing, file: GoneFile): boolean {
  const key = keyOf(state, file)
  try {
    const seen = folder.look(key)
    if (seen !== undefined && seen.facts !== file.facts && !force) throw edited()
    if (seen !== undefined && file.state === 'edited' && !force) throw edited()
    folder.remove(key)
    state.files.forget(file)
    return true
  } catch (error) {
    const { code, message } = asFault(error)
    state.plan.addRun(file.run, undefined)
    state.plan.refuse(file.run, { key, code, reason: message })
    return false
  }
}

function edited(): Fault {
  return new Fault('already-exists', 'it was edited here and is gone at the source: it is left as it is', {
    hint: 'remove it by hand, or use --force',
  })
}

function keyOf(state: State, { run, path }: { readonly run: number; readonly path: string }): string {
  return `${runFolder(state.files.keyOf(run))}/${path}`
}
