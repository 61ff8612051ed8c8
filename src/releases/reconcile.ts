import { Fault, isFault } from '../kit/index.ts'
import { isNothing, type Plan } from '../manifest/index.ts'
import type { ObjectInfo } from '../store/index.ts'
import type { ReleaseContext } from './context.ts'
import { needVariant } from './find.ts'
import { mayHaveLostMoves, refuseToLoseContent } from './lost-moves.ts'
import { metadataView } from './metadata-view.ts'
import { type Product, stable } from './product.ts'
import { type Facts, publishedView, readFacts, writeFacts } from './published.ts'
import type { VariantRef } from './state.ts'
import { applyView, planView, type View, type ViewPlan } from './view.ts'

export interface Reconciled {
  readonly variant: string
  readonly generation: number
  readonly views: readonly ReconciledView[]
}

export interface ReconciledView {
  readonly kind: 'published' | 'metadata'
  readonly where: string
  /** What was done, or with `dryRun` would be. */
  readonly plan: Plan
  /** Files in the view's folders that holdfast did not put there: left alone. */
  readonly foreign: readonly string[]
}

interface ReconcileOptions {
  readonly dryRun?: boolean | undefined
  /** Writes over published content that no release of the ref has. */
  readonly force?: boolean | undefined
}

const maxRounds = 10

/**
 * Brings the published keys and the metadata files of a variant in line with its ref: writes what is missing, damaged
 * or edited, removes what was pruned, leaves alone what it did not write. Where the ref moves meanwhile it starts over,
 * so that the last one to finish leaves the newest state. What stands already costs listings only. With `ref`, which was just
 * moved, all trouble is `partial`: the move stands. Throws `precondition`, and writes nothing, where the ref has lost moves and what
 * they published would be written over.
 */
export async function reconcile(
  context: ReleaseContext,
  product: Product,
  variant: string,
  options: ReconcileOptions & { readonly ref?: VariantRef | undefined } = {},
): Promise<Reconciled> {
  if (options.ref === undefined) return await follow(context, product, variant, (await needVariant(context, product, variant)).ref, options)
  return await inLine(options.ref, 'its views', () => follow(context, product, variant, options.ref!, options))
}

async function follow(
  context: ReleaseContext,
  product: Product,
  variant: string,
  first: VariantRef,
  options: ReconcileOptions,
): Promise<Reconciled> {
  let ref = first
  const done: ReconciledView[] = []
  for (let round = 1; ; round++) {
    const { views, wrote, wasOvertaken } = await reconcileOnce(context, product, variant, ref, options)
    done.push(...(done.length === 0 ? views : views.filter((view) => !isNothing(view.plan))))
    if (!wrote) break
    const now = (await needVariant(context, product, variant)).ref
    if (now.generation === ref.generation && !wasOvertaken) break
    if (round === maxRounds)
      throw new Fault('busy', `${ref.name} is moved again and again; its views are not in line yet`, {
        hint: 'run: holdfast release reconcile',
      })
    ref = now
  }
  return { variant, generation: ref.generation, views: done }
}

interface Round {
  readonly views: readonly ReconciledView[]
  /** Something was written, if only what is remembered of the view: another command may have written over the same. */
  readonly wrote: boolean
  /** Another command was at the same, and nothing was done. */
  readonly wasOvertaken: boolean
}

async function reconcileOnce(
  context: ReleaseContext,
  product: Product,
  variant: string,
  ref: VariantRef,
  options: ReconcileOptions,
): Promise<Round> {
  const dryRun = options.dryRun === true
  const views: ReconciledView[] = []
  let wrote = false
  if (product.publish !== undefined) {
    const published = await reconcilePublished(context, product, variant, ref, options)
    if (published === 'overtaken') return { views: [], wrote: true, wasOvertaken: true }
    views.push(published.view)
    wrote = published.wrote
  }
  if (product.metadata !== undefined) {
    const view = await metadataView(context, variant, ref, await context.openView(`file:${product.metadata}`))
    const planned = await planView(view, context.signal)
    if (!dryRun) await inLine(ref, view.to.name, () => applyView(context, view, planned.plan, `${stable}/${variant}/`))
    wrote ||= !dryRun && !isNothing(planned.plan)
    views.push({ kind: 'metadata', where: product.metadata, plan: planned.plan, foreign: planned.foreign })
  }
  return { views, wrote, wasOvertaken: false }
}

async function reconcilePublished(
  context: ReleaseContext,
  product: Product,
  variant: string,
  ref: VariantRef,
  { dryRun = false, force = false }: ReconcileOptions,
): Promise<{ readonly view: ReconciledView; readonly wrote: boolean } | 'overtaken'> {
  const publication = product.publish!
  const facts = await readFacts(context, publication, ref)
  const to = await context.openView(publication.url)
  const view = await publishedView(context, product, variant, ref, to, facts)
  const planned = await planView(view, context.signal)
  if (!force && mayHaveLostMoves(ref, facts) && !isNothing(planned.plan)) {
    // Facts are written after their move: what another command has moved meanwhile can be seen by now.
    if ((await needVariant(context, product, variant)).ref.generation > ref.generation) return 'overtaken'
    if (!(await refuseToLoseContent(context, ref, { view, plan: planned.plan, facts }))) return 'overtaken'
  }
  const wrote = !dryRun && (!isNothing(planned.plan) || facts.generation !== ref.generation)
  if (wrote) {
    const written = await inLine(ref, to.name, () => applyView(context, view, planned.plan, `${stable}/${variant}/`))
    if (written.size > 0 || facts.generation !== ref.generation)
      await writeFacts(context, publication, ref, newFacts(view, planned, facts, written))
  }
  return { view: { kind: 'published', where: to.name, plan: planned.plan, foreign: planned.foreign }, wrote }
}

/** Work on views after their ref has moved: where it fails, that is what to tell, and how to go on. */
async function inLine<T>(ref: VariantRef, where: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (isFault(error, 'aborted') || isFault(error, 'partial') || isFault(error, 'busy') || isFault(error, 'bug')) throw error
    throw new Fault('partial', `${ref.name} has moved to generation ${ref.generation}, and ${where} could not be brought in line with it`, {
      at: where,
      hint: 'mend the cause, then run: holdfast release reconcile',
      cause: error,
    })
  }
}

function newFacts(view: View, planned: ViewPlan, facts: Facts, written: ReadonlyMap<string, ObjectInfo>): Facts['objects'] {
  const objects: Record<string, { etag: string; digest: NonNullable<ObjectInfo['digest']> }> = {}
  for (const [key, file] of view.desired) {
    const fresh = written.get(key)
    const present = planned.actual.get(key)
    const old = facts.objects[key]
    if (fresh !== undefined) objects[key] = { etag: fresh.etag, digest: file.digest }
    else if (old !== undefined) objects[key] = old
    else if (present?.digest !== undefined) objects[key] = { etag: present.etag, digest: present.digest }
  }
  return objects
}
