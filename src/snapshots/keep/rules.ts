import type { Digest } from '../../kit/index.ts'
import type { Listed } from '../record/lines.ts'

/** What stays. What any rule keeps is kept. */
export interface KeepRules {
  readonly last?: number | undefined
  /** The newest of each of so many days (UTC) that have any; the same for weeks (from Monday) and months. */
  readonly daily?: number | undefined
  readonly weekly?: number | undefined
  readonly monthly?: number | undefined
  readonly tags?: readonly string[] | undefined
  /** Milliseconds. */
  readonly within?: number | undefined
}

export interface ForgetPlan {
  readonly keep: readonly { readonly snapshot: Listed; readonly because: readonly string[] }[]
  readonly drop: readonly Listed[]
}

/**
 * Which snapshots of one line stay, and why. Pure. What is pinned stays, and the newest one does: rules never empty a line.
 */
export function planForget(
  line: readonly Listed[],
  rules: KeepRules,
  facts: { readonly now: number; readonly pinned: ReadonlySet<Digest> },
): ForgetPlan {
  const newestFirst = line.toReversed()
  const because = new Map<Listed, string[]>(newestFirst.map((snapshot) => [snapshot, []]))
  const keep = (snapshot: Listed, why: string) => because.get(snapshot)!.push(why)
  for (const [period, limit, keyOf] of periodsOf(rules)) {
    const seen = new Set<string>()
    for (const snapshot of newestFirst) {
      const key = keyOf(snapshot)
      if (seen.size >= limit) break
      if (seen.has(key)) continue
      seen.add(key)
      keep(snapshot, period)
    }
  }
  for (const [index, snapshot] of newestFirst.entries()) {
    if (index < (rules.last ?? 0)) keep(snapshot, 'last')
    if (rules.within !== undefined && Date.parse(snapshot.created) >= facts.now - rules.within) keep(snapshot, 'within')
    for (const tag of rules.tags ?? []) if (snapshot.tags.includes(tag)) keep(snapshot, `tag ${tag}`)
    if (facts.pinned.has(snapshot.id)) keep(snapshot, 'pinned')
  }
  const newest = newestFirst[0]
  if (newest !== undefined && because.get(newest)!.length === 0) keep(newest, 'newest')
  return {
    keep: line.filter((each) => because.get(each)!.length > 0).map((snapshot) => ({ snapshot, because: because.get(snapshot)! })),
    drop: line.filter((each) => because.get(each)!.length === 0),
  }
}

function periodsOf({ daily = 0, weekly = 0, monthly = 0 }: KeepRules): [string, number, (snapshot: Listed) => string][] {
  return [
    ['daily', daily, ({ created }) => created.slice(0, 10)],
    ['weekly', weekly, ({ created }) => String(weekOf(Date.parse(created)))],
    ['monthly', monthly, ({ created }) => created.slice(0, 7)],
  ]
}

const day = 86_400_000

/** Weeks since the first Monday of 1970's first week (29 December 1969). */
function weekOf(time: number): number {
  return Math.floor((time / day + 3) / 7)
}
