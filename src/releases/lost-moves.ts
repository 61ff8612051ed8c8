import { type Digest, Fault, isFault, mapBounded } from '../kit/index.ts'
import type { Plan } from '../manifest/index.ts'
import { digestAt } from '../store/index.ts'
import type { ReleaseContext } from './context.ts'
import { filesOf } from './find.ts'
import type { Facts } from './published.ts'
import type { VariantRef } from './state.ts'
import type { View } from './view.ts'

/**
 * Whether a publication was written for moves that this ref has not: it was brought back from a copy, say, and what was released after that
 * copy was made is published and nowhere else.
 */
export function mayHaveLostMoves(ref: VariantRef, facts: Facts): boolean {
  if (facts.generation === 0) return ref.generation > 1
  if (facts.move === undefined) return facts.generation > ref.generation
  return !ref.history.some(({ id }) => id === facts.move)
}

/**
 * Throws `precondition` where the plan would replace or remove published content that no release of the ref has. False where somebody
 * writes there at this moment, so that nothing can be told.
 */
export async function refuseToLoseContent(
  context: ReleaseContext,
  ref: VariantRef,
  { view, plan, facts }: { readonly view: View; readonly plan: Plan; readonly facts: Facts },
): Promise<boolean> {
  const releases = Object.entries(ref.state.releases)
  const files = await mapBounded(releases, 16, ([id, summary]) => filesOf(context, { id: id as Digest, summary }), context.signal)
  const known = new Set([...ref.state.prunedFiles, ...files.flat()].map(({ digest }) => digest))
  for (const { path: key } of [...plan.changes.map(({ before }) => before), ...plan.removes]) {
    if (ref.state.pruned.some((at) => key.startsWith(`archives/`) && key.includes(`/${at}_`))) continue
    const info = await view.to.head(key, { signal: context.signal })
    if (info === undefined) continue
    const fact = facts.objects[key]
    const digest = fact?.etag === info.etag ? fact.digest : await digestOfVersion(context, view, key, info.etag)
    if (digest === undefined) return false
    if (!known.has(digest)) throw unknownContent(ref, `${view.to.name}/${key}`)
  }
  return true
}

/** Undefined where the version is not there any more. */
async function digestOfVersion({ signal }: ReleaseContext, { to }: View, key: string, etag: string): Promise<Digest | undefined> {
  try {
    return await digestAt(to, key, { etag, signal })
  } catch (error) {
    if (isFault(error, 'precondition') || isFault(error, 'not-found')) return undefined
    throw error
  }
}

function unknownContent(ref: VariantRef, at: string): Fault {
  return new Fault('precondition', `what is published has content that no release of ${ref.name} has: it may be the only copy`, {
    at,
    hint: 'was the store brought back from a copy? release that file again with release create --artifact, or write over it with release reconcile --force',
  })
}
