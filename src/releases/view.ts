import { type Bytes, compareKeys, type Digest, isFault, mapBounded } from '../kit/index.ts'
import { diffManifests, type Entry, isNothing, type Plan, planOf } from '../manifest/index.ts'
import type { ObjectInfo, ObjectStore } from '../store/index.ts'
import { applyPlan, type Applied } from '../transfer/index.ts'
import type { ReleaseContext } from './context.ts'

/** Files that follow from a ref's state: what should be where, and how to tell what is there. */
export interface View {
  readonly to: ObjectStore
  readonly desired: ReadonlyMap<string, DesiredFile>
  /** Where the view's files lie: the keys that begin so. */
  readonly prefixes: readonly string[]
  /** Whether an object that is not desired was put there by a view, and may be removed. */
  isOurs(info: ObjectInfo): Promise<boolean>
  /** The digest of what is there, or undefined where only its bytes could tell: then it is written again. */
  digestOf(info: ObjectInfo): Promise<Digest | undefined>
  readonly put?: { readonly contentType?: string; readonly cacheControl?: string | undefined; readonly public?: boolean | undefined }
}

export interface DesiredFile {
  readonly size: number
  readonly digest: Digest
  readonly source: { readonly store: ObjectStore; readonly key: string } | { readonly bytes: Bytes }
}

export interface ViewPlan {
  readonly plan: Plan
  /** Objects in the view's folders that no view put there: left alone. */
  readonly foreign: readonly string[]
  /** What is there, by key, for whoever remembers facts. */
  readonly actual: ReadonlyMap<string, ObjectInfo>
}

const unknown: Digest = `sha256:${'0'.repeat(64)}`

/** Compares what should be there with what is. Writes nothing. */
export async function planView(view: View, signal: AbortSignal | undefined): Promise<ViewPlan> {
  const actual = new Map<string, ObjectInfo>()
  for (const prefix of view.prefixes) for await (const info of view.to.list(prefix, { signal })) actual.set(info.key, info)

  const found = await mapBounded(actual.values(), 16, (info) => lookAt(view, info), signal)
  const before = found.filter((entry) => typeof entry === 'object')
  const after = [...view.desired].map(([path, file]): Entry => ({ path, size: file.size, digest: file.digest }))
  return {
    plan: planOf(diffManifests(before.sort(byPath), after.sort(byPath)), { remove: true }),
    foreign: [...actual.keys()].filter((_, index) => found[index] === 'foreign').sort(compareKeys),
    actual,
  }
}

/** What an object is to the view. It was listed a moment ago: another command may have removed or replaced it since. */
async function lookAt(view: View, info: ObjectInfo): Promise<Entry | 'foreign' | 'gone'> {
  try {
    if (!view.desired.has(info.key) && !(await view.isOurs(info))) return 'foreign'
    return { path: info.key, size: info.size, digest: (await view.digestOf(info)) ?? unknown }
  } catch (error) {
    if (isFault(error, 'not-found')) return 'gone'
    if (isFault(error, 'precondition')) return view.desired.has(info.key) ? { path: info.key, size: info.size, digest: unknown } : 'foreign'
    throw error
  }
}

/**
 * Carries out a view's plan. What is to be `last` (the newest, which replaces what others still need) is written after
 * everything else and before anything is removed.
 */
export async function applyView(context: ReleaseContext, view: View, plan: Plan, last: string): Promise<Applied['written']> {
  const written = new Map<string, ObjectInfo>()
  for (const part of inOrder(plan, last)) {
    const applied = await applyPlan({
      plan: part,
      to: view.to,
      keyOf: (path) => path,
      sourceOf: async (entry) => view.desired.get(entry.path)!.source,
      ...(view.put === undefined ? {} : { put: () => view.put! }),
      report: context.report,
      signal: context.signal,
    })
    for (const [path, info] of applied.written) written.set(path, info)
  }
  return written
}

function inOrder(plan: Plan, last: string): Plan[] {
  const none: Plan = { adds: [], changes: [], removes: [], unchanged: 0, kept: 0, bytes: 0 }
  const writing = (isWanted: (path: string) => boolean): Plan => {
    const adds = plan.adds.filter(({ path }) => isWanted(path))
    const changes = plan.changes.filter(({ after }) => isWanted(after.path))
    const bytes = [...adds, ...changes.map(({ after }) => after)].reduce((sum, { size }) => sum + size, 0)
    return { ...none, adds, changes, bytes }
  }
  const isLast = (path: string) => path.startsWith(last)
  const parts = [writing((path) => !isLast(path)), writing(isLast), { ...none, removes: plan.removes }]
  return parts.filter((part) => !isNothing(part))
}

function byPath(a: Entry, b: Entry): number {
  return compareKeys(a.path, b.path)
}
