import { canonicalJson } from '../../../kit/index.ts'
import type { RunKey } from '../../format/place.ts'

/** Which runs are meant; all where nothing is said. */
export interface Selection {
  /** Only runs that changed lately, as the source's active list has them. */
  readonly active?: boolean | undefined
  readonly project?: string | undefined
  readonly status?: string | undefined
  /** A run's id, or `<project>/<name>/<run id>`. */
  readonly run?: string | undefined
}

/** The name under which a selection's cursor is kept. */
export function scopeOf(way: string, { active, project, status, run }: Selection): string {
  return `${way} ${canonicalJson({ active: active === true ? true : undefined, project, status, run })}`
}

export function isMeant({ project, run, status }: Selection, key: RunKey, itsStatus: string | undefined): boolean {
  if (project !== undefined && key.project !== project) return false
  if (status !== undefined && itsStatus !== undefined && itsStatus !== status) return false
  return run === undefined || run === key.runId || run === `${key.project}/${key.name}/${key.runId}`
}

/** Whether a run that the source does not show under this selection is not there at all. */
export function showsAll({ active, status, run }: Selection): boolean {
  return active !== true && status === undefined && run === undefined
}
