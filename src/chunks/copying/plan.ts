import type { Reaching } from '../roots.ts'

/** What becomes of the names of a store in another one. */
export interface NamesPlan {
  readonly create: readonly Reaching[]
  /** The other store has an earlier state of the same history. */
  readonly advance: readonly { readonly from: Reaching; readonly over: Reaching }[]
  readonly same: readonly Reaching[]
  /** The other store has something else there, which stays. */
  readonly different: readonly Reaching[]
}

/** Pure. By key: refs and pins that are the same in every byte are the same. */
export function planNames(from: readonly Reaching[], there: readonly Reaching[]): NamesPlan {
  const known = new Map(there.map((each) => [each.key, each]))
  const plan = {
    create: [] as Reaching[],
    advance: [] as { from: Reaching; over: Reaching }[],
    same: [] as Reaching[],
    different: [] as Reaching[],
  }
  for (const each of from) {
    const present = known.get(each.key)
    if (present === undefined) plan.create.push(each)
    else if (Buffer.compare(present.bytes, each.bytes) === 0) plan.same.push(each)
    else if (isEarlier(present, each)) plan.advance.push({ from: each, over: present })
    else plan.different.push(each)
  }
  return plan
}

/** Each move has an id of its own, so that one which both histories have at the same place is the same move. */
function isEarlier(present: Reaching, each: Reaching): boolean {
  const [before = [], after = []] = [present.record.history, each.record.history]
  const last = before.at(-1)?.id
  return last !== undefined && before.length < after.length && after[before.length - 1]?.id === last
}
