import { formatBytes } from '../kit/index.ts'
import type { Change } from './diff.ts'
import type { Entry } from './entry.ts'

/** What is to be done to make one place like another: a value to print, to test and to carry out. */
export interface Plan {
  readonly adds: readonly Entry[]
  readonly changes: readonly { readonly before: Entry; readonly after: Entry }[]
  readonly removes: readonly Entry[]
  /** Paths that stand already. */
  readonly unchanged: number
  /** Paths that are there and not wanted, and stay: the plan was made without removals. */
  readonly kept: number
  /** Bytes of all that is added or changed. */
  readonly bytes: number
}

export interface PlanOptions {
  /** Whether what is not wanted is removed, or kept. */
  readonly remove: boolean
}

/** What these changes ask for, in their order. Pure. */
export function planOf(changes: Iterable<Change>, options: PlanOptions): Plan {
  const plan = {
    adds: [] as Entry[],
    changes: [] as { before: Entry; after: Entry }[],
    removes: [] as Entry[],
    unchanged: 0,
    kept: 0,
    bytes: 0,
  }
  for (const change of changes) {
    if (change.kind === 'same') plan.unchanged++
    else if (change.kind === 'remove') {
      if (options.remove) plan.removes.push(change.before)
      else plan.kept++
    } else {
      plan.bytes += change.after.size
      if (change.kind === 'add') plan.adds.push(change.after)
      else plan.changes.push({ before: change.before, after: change.after })
    }
  }
  return plan
}

/** Whether there is nothing to add, change or remove. */
export function isNothing(plan: Plan): boolean {
  return plan.adds.length === 0 && plan.changes.length === 0 && plan.removes.length === 0
}

/** Lines for people: one for each path that is touched, in byte order, and a summary. At most `most` paths are named. */
export function describePlan(plan: Plan, most = Infinity): string[] {
  const lines = [
    ...plan.adds.map((entry) => ({ path: entry.path, text: `+ ${entry.path}  ${formatBytes(entry.size)}` })),
    ...plan.changes.map(({ before, after }) => ({ path: after.path, text: `~ ${after.path}  ${describeChange(before, after)}` })),
    ...plan.removes.map((entry) => ({ path: entry.path, text: `- ${entry.path}  ${formatBytes(entry.size)}` })),
  ]
  lines.sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)))
  const shown = lines.slice(0, most).map(({ text }) => text)
  if (shown.length < lines.length) shown.push(`... and ${lines.length - shown.length} more`)
  return [...shown, summarisePlan(plan)]
}

/** `2 to add, 1 to change, 0 to remove (3.0 MiB); 7 unchanged`, or that there is nothing to do. */
export function summarisePlan(plan: Plan): string {
  const kept = plan.kept === 0 ? '' : `, ${plan.kept} not wanted but kept`
  if (isNothing(plan)) return `nothing to do: ${plan.unchanged} unchanged${kept}`
  const counts = `${plan.adds.length} to add, ${plan.changes.length} to change, ${plan.removes.length} to remove`
  return `${counts} (${formatBytes(plan.bytes)}); ${plan.unchanged} unchanged${kept}`
}

/** The plain form for `--json`. */
export function planToJson(plan: Plan): Record<string, unknown> {
  return {
    add: plan.adds,
    change: plan.changes,
    remove: plan.removes,
    unchanged: plan.unchanged,
    kept: plan.kept,
    bytes: plan.bytes,
  }
}

function describeChange(before: Entry, after: Entry): string {
  const parts: string[] = []
  if (before.digest !== after.digest) {
    parts.push(
      before.size === after.size
        ? `${formatBytes(after.size)}, other content`
        : `${formatBytes(before.size)} -> ${formatBytes(after.size)}`,
    )
  }
  if (before.mode !== after.mode) parts.push(`mode ${formatMode(before.mode)} -> ${formatMode(after.mode)}`)
  return parts.length === 0 ? `size ${before.size} -> ${after.size}` : parts.join(', ')
}

function formatMode(mode: number | undefined): string {
  return mode === undefined ? 'unknown' : mode.toString(8).padStart(4, '0')
}
