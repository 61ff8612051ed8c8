import { Fault } from '../../kit/index.ts'
import type { ObjectStore } from '../../store/index.ts'
import type { Selection } from './plan/selection.ts'
import type { State } from './state/state.ts'
import type { Planned } from './ways.ts'

interface Choosing {
  readonly state: State
  readonly selection: Selection
  readonly options: { readonly source: ObjectStore; readonly url?: string | undefined; readonly folder: string }
}

/** A choice that chooses nothing is a mistake, unless it is of a project that went away. */
export function checkChosen({ state, options, selection }: Choosing, { count, isAll }: Planned): void {
  const { project, status, run } = selection
  if (count > 0 || (project ?? status ?? run) === undefined) return
  if (isAll && state.plan.absentRuns(project).length > 0) return
  const chosen = Object.entries({ project, status, run }).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name} ${JSON.stringify(value)}`],
  )
  throw new Fault('nothing-to-do', `no run at the source has the ${chosen.join(' and the ')}`, {
    hint: `see what there is: holdfast runs ls ${quoted(options.url ?? options.source.name)} --to ${quoted(options.folder)}`,
  })
}

/** As a shell takes it for one word. */
function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
