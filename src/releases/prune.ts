import { type Digest, Fault } from '../kit/index.ts'
import { listPins, putPin, removePin } from '../chunks/index.ts'
import { moveRef } from '../refs/index.ts'
import type { ReleaseContext } from './context.ts'
import { needVariant, select, type Selector, type Selected } from './find.ts'
import { type Product, refNameFor } from './product.ts'
import { reconcile, type Reconciled } from './reconcile.ts'
import { dropArchives, type Rotation } from './rotate.ts'
import { type Archived, releaseRefs, type VariantRef } from './state.ts'

export interface PruneOptions {
  /** The newest archives to keep. */
  readonly keep?: number | undefined
  /** Milliseconds: archives younger than this are kept. */
  readonly keepWithin?: number | undefined
  readonly dryRun?: boolean | undefined
}

export interface Pruned {
  readonly variant: string
  readonly dropped: readonly Archived[]
  readonly kept: number
  /** Bytes of the dropped releases that no other release of this variant shares. */
  readonly bytes: number
  readonly reconciled?: Reconciled | undefined
}

/**
 * Drops old archives of one variant from the ref and its views; an archive stays where any rule keeps it, where a channel
 * holds its release, and where it is pinned. The bytes go with a later `collect`, after the grace period.
 */
export async function pruneArchives(context: ReleaseContext, product: Product, variant: string, options: PruneOptions): Promise<Pruned> {
  if (options.keep === undefined && options.keepWithin === undefined) {
    throw new Fault('invalid', 'say what to keep', { hint: 'for example --keep 10, --keep-within 90d, or both: what either keeps is kept' })
  }
  const found = await needVariant(context, product, variant)
  const preview = planPrune(found.ref, await pinnedReleases(context, product, variant), options, context.clock.now())
  if (options.dryRun === true) return outcome(variant, found.ref, preview)
  if (droppedBy(found.ref, preview).length === 0) {
    // An interrupted prune may have moved the ref and not its views.
    return { ...outcome(variant, found.ref, preview), reconciled: await reconcile(context, product, variant) }
  }

  await context.prepareStore()
  // What an interrupted command left in the views is told by the releases that are about to be forgotten.
  await reconcile(context, product, variant)
  let rotation = preview
  const moved = await moveRef(
    context,
    releaseRefs,
    refNameFor(product, variant),
    async (current) => {
      if (current === undefined) throw new Fault('not-found', `nothing has been released for ${product.name} ${variant}`)
      // After the ref: a pin that this list does not have has yet to move the ref, and then one of the two moves loses.
      rotation = planPrune(current, await pinnedReleases(context, product, variant), options, context.clock.now())
      return { state: rotation.state, action: rotation.action, note: rotation.note }
    },
    { onLost: 'retry' },
  )
  const reconciled = await reconcile(context, product, variant, { ref: moved.after })
  if (product.publish !== undefined) await (await context.openView(product.publish.url)).sweep?.(leftoverAge, { signal: context.signal })
  return { ...outcome(variant, moved.before ?? found.ref, rotation), reconciled }
}

/** Milliseconds after which what an interrupted put left in a published place is removed. */
const leftoverAge = 86_400_000

function planPrune(ref: VariantRef, pinned: ReadonlySet<string>, options: PruneOptions, now: number): Rotation {
  const { keep = 0, keepWithin = 0 } = options
  const newest = new Set(keep === 0 ? [] : ref.state.archives.slice(-keep).map((archived) => archived.at))
  const isDoomed = (archived: Archived) =>
    !newest.has(archived.at) && !pinned.has(archived.release) && now - timeOf(archived.at) >= keepWithin
  return dropArchives(ref.state, isDoomed, now)
}

function outcome(variant: string, before: VariantRef, rotation: Rotation): Pruned {
  const dropped = droppedBy(before, rotation)
  const gone = Object.keys(before.state.releases).filter((id) => !Object.hasOwn(rotation.state.releases, id)) as Digest[]
  const bytes = gone.reduce((sum, id) => sum + before.state.releases[id]!.size, 0)
  return { variant, dropped, kept: rotation.state.archives.length, bytes }
}

function droppedBy(before: VariantRef, rotation: Rotation): Archived[] {
  const left = new Set(rotation.state.archives.map((archived) => archived.at))
  return before.state.archives.filter((archived) => !left.has(archived.at))
}

/** `20250107_143000` as milliseconds since 1970. */
export function timeOf(at: string): number {
  return Date.parse(at.replace(/^(\d{4})(\d{2})(\d{2})_(\d{2})(\d{2})(\d{2})$/, '$1-$2-$3T$4:$5:$6Z'))
}

function pinPrefix(product: Product, variant: string): string {
  return `releases/${refNameFor(product, variant)}/`
}

async function pinnedReleases(context: ReleaseContext, product: Product, variant: string): Promise<Set<string>> {
  const prefix = pinPrefix(product, variant)
  const ids = await listPins(context.store, prefix, { signal: context.signal })
  return new Set(ids.map((id) => `sha256:${id.slice(prefix.length)}`))
}

/**
 * Keeps a release, whatever is pruned, until it is unpinned. Pinning it again replaces the message. It moves the ref without
 * changing where the channels point, so that a prune at the same time either sees the pin or loses its race. Throws `precondition`
 * where the release was pruned first.
 */
export async function pin(
  context: ReleaseContext,
  product: Product,
  variant: string,
  selector: Selector,
  message?: string,
): Promise<Selected> {
  const selected = select((await needVariant(context, product, variant)).ref, selector)
  await context.prepareStore()
  const id = `${pinPrefix(product, variant)}${selected.id.slice('sha256:'.length)}`
  const at = new Date(context.clock.now()).toISOString()
  const why = message === undefined ? {} : { message }
  await putPin(
    context.store,
    { id, by: context.by, at, ...why, reaches: [{ kind: 'snapshot', digest: selected.id }] },
    { signal: context.signal },
  )
  const moved = await moveRef(
    context,
    releaseRefs,
    refNameFor(product, variant),
    async (current) => {
      if (current?.state.releases[selected.id] !== undefined)
        return { state: current.state, action: 'pin', note: { channels: current.state.channels }, ...why }
      await removePin(context.store, id, { signal: context.signal })
      throw new Fault('precondition', `${selected.as} of ${product.name} ${variant} was pruned just now; it is not pinned`, {
        hint: 'see what is left: holdfast release list',
      })
    },
    { onLost: 'retry' },
  )
  await reconcile(context, product, variant, { ref: moved.after })
  return selected
}

/** Throws `nothing-to-do` where it was not pinned. */
export async function unpin(context: ReleaseContext, product: Product, variant: string, selector: Selector): Promise<Selected> {
  const selected = select((await needVariant(context, product, variant)).ref, selector)
  await context.prepareStore()
  const was = await removePin(context.store, `${pinPrefix(product, variant)}${selected.id.slice('sha256:'.length)}`, {
    signal: context.signal,
  })
  if (!was) throw new Fault('nothing-to-do', `${selected.as} of ${product.name} ${variant} is not pinned`)
  return selected
}
