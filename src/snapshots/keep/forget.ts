import { compareKeys, type Digest, Fault } from '../../kit/index.ts'
import { moveRef } from '../../refs/index.ts'
import type { SnapshotContext } from '../context.ts'
import { type LineNote, type LineState, snapshotLine, type SnapshotSummary } from '../record/line.ts'
import { chooseSnapshot, type Listed, type ListFilter, listSnapshots, pinnedSnapshots, shortId } from '../record/lines.ts'
import { type ForgetPlan, type KeepRules, planForget } from './rules.ts'

export interface ForgetOptions {
  /** These, whatever the rules say. */
  readonly ids?: readonly string[] | undefined
  readonly rules?: KeepRules | undefined
  readonly filter?: ListFilter | undefined
  readonly dryRun?: boolean | undefined
}

export interface Forgotten {
  readonly name: string
  readonly plan: ForgetPlan
}

/**
 * Drops snapshots from their lines, each line by one conditional write; prune gives back their space later. Ids that are pinned are
 * `precondition`; no rule and no id is `invalid`, a filter that no snapshot passes `nothing-to-do`. A snapshot that was made meanwhile stays.
 */
export async function forgetSnapshots(context: SnapshotContext, options: ForgetOptions): Promise<Forgotten[]> {
  const { ids = [], rules = {}, filter, dryRun = false } = options
  const hasRules = Object.values(rules).some((rule) => rule !== undefined && (!Array.isArray(rule) || rule.length > 0))
  if (ids.length === 0 && !hasRules) {
    throw new Fault('invalid', 'forget what? Neither a snapshot nor a rule was given', {
      hint: 'for example: --keep-last 10 --keep-daily 7',
    })
  }
  const all = await listSnapshots(context, filter)
  const isFiltered = Object.values(filter ?? {}).some((each: ListFilter[keyof ListFilter]) => each !== undefined && each.length > 0)
  if (all.length === 0 && isFiltered && ids.length === 0)
    throw new Fault('nothing-to-do', 'there are no such snapshots', { hint: 'see all: holdfast snapshot list' })
  const pinned = await pinnedSnapshots(context)
  const plans = ids.length > 0 ? planIds(all, ids, pinned) : planRules(all, rules, { now: context.clock.now(), pinned })
  if (dryRun) return plans
  for (const { name, plan } of plans) if (plan.drop.length > 0) await dropFromLine(context, name, plan.drop)
  return plans
}

function planIds(all: readonly Listed[], ids: readonly string[], pinned: ReadonlySet<Digest>): Forgotten[] {
  const chosen = new Set(ids.map((id) => chooseSnapshot(all, id).id))
  for (const id of chosen) {
    if (pinned.has(id))
      throw new Fault('precondition', `the snapshot ${shortId(id)} is pinned`, {
        hint: `let it go first: holdfast snapshot unpin ${shortId(id)}`,
      })
  }
  return [...byLine(all)].flatMap(([name, line]) => {
    const drop = line.filter(({ id }) => chosen.has(id))
    const keep = line.filter(({ id }) => !chosen.has(id)).map((snapshot) => ({ snapshot, because: [] }))
    return drop.length === 0 ? [] : [{ name, plan: { keep, drop } }]
  })
}

function planRules(all: readonly Listed[], rules: KeepRules, facts: { now: number; pinned: ReadonlySet<Digest> }): Forgotten[] {
  return [...byLine(all)].map(([name, line]) => ({ name, plan: planForget(line, rules, facts) }))
}

function byLine(all: readonly Listed[]): [string, Listed[]][] {
  return [...Map.groupBy(all, ({ name }) => name)].toSorted(([a], [b]) => compareKeys(a, b))
}

async function dropFromLine(context: SnapshotContext, name: string, drop: readonly Listed[]): Promise<void> {
  const dropped = drop.map(({ id }) => id)
  await changeLine(context, name, 'forget', { dropped }, (snapshots) => snapshots.filter(({ id }) => !dropped.includes(id)))
}

/** One conditional write on a line that is there. */
export async function changeLine(
  context: SnapshotContext,
  name: string,
  action: string,
  note: LineNote,
  change: (snapshots: LineState['snapshots']) => readonly SnapshotSummary[],
): Promise<void> {
  await moveRef(
    context,
    snapshotLine,
    name,
    (current) => {
      if (current === undefined) throw new Fault('not-found', `there are no snapshots called ${name}`)
      return { state: { snapshots: change(current.state.snapshots) }, action, note }
    },
    { onLost: 'retry' },
  )
}
