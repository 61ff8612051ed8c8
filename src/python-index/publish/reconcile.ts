import { type Digest, Fault } from '../../kit/index.ts'
import type { IndexContext } from '../context.ts'
import { readProject, readIndex } from '../records/read.ts'
import { followViews, wantedBy } from './follow.ts'
import { describePublished, noDifference, type PlannedPrefix, type Published } from './published.ts'

export interface ReconcileOptions {
  /** All that were ever published, where it is left out. */
  readonly prefixes?: readonly string[] | undefined
  readonly dryRun?: boolean | undefined
}

/**
 * Brings pages and companions in line with the ref, whatever happened to them; publishes nothing. What stands costs a listing. Throws
 * `not-found` for a prefix that was never published, `precondition` for one whose files are all gone.
 */
export async function reconcile(context: IndexContext, { prefixes, dryRun = false }: ReconcileOptions = {}): Promise<Published> {
  const ref = await readIndex(context)
  const all = Object.keys(ref?.state.prefixes ?? {})
  const missing = (prefixes ?? []).find((prefix) => !all.includes(prefix))
  if (ref === undefined || missing !== undefined) {
    throw new Fault(
      'not-found',
      `${missing === undefined ? 'nothing was ever' : `${missing} was never`} published to ${context.environment.bucket}`,
      {
        at: context.bucket.name,
        hint: 'run: holdfast index publish',
      },
    )
  }
  const wanted = await wantedBy(context, ref, prefixes ?? all)
  const read = (record: Digest) => readProject(context, record)
  const views = await followViews(context, { ref, hasMoved: false, wanted, read, dryRun, wantsFiles: true })
  const planned = new Map(
    views.map(({ prefix, beside }): [string, PlannedPrefix] => [
      prefix,
      { difference: noDifference, beside, written: [], purge: [], isEmpty: false },
    ]),
  )
  return describePublished({ ref, hasMoved: false, changed: new Map(), views }, planned)
}
