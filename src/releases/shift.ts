import { type Digest, Fault, isDigest } from '../kit/index.ts'
import { type Moved, moveRef } from '../refs/index.ts'
import type { ReleaseContext } from './context.ts'
import { refuseForeignFiles } from './foreign.ts'
import { needVariant, select, type Selector, shortId } from './find.ts'
import { channelName, type Product, refNameFor, stable } from './product.ts'
import { reconcile, type Reconciled } from './reconcile.ts'
import { promoteTo, rollBackTo, type Rotation } from './rotate.ts'
import { type MoveNote, releaseRefs, type VariantRef, type VariantState } from './state.ts'

export interface Shifted {
  readonly rotation: Rotation
  readonly moved: Moved<VariantState, MoveNote>
  readonly reconciled: Reconciled
}

export interface RollbackOptions {
  /** last-stable where nothing is said. */
  readonly to?: Selector | undefined
  /** What stable must be now: a release id, or the digest of its only file. */
  readonly expect?: string | undefined
  /** The generation that the variant must be at: nobody has moved any of its channels since. */
  readonly generation?: number | undefined
  readonly message?: string | undefined
}

export interface PromoteOptions {
  readonly from: string
  readonly to: string
  /** What `from` must hold: a release id, or the digest of its only file. */
  readonly expect?: string | undefined
  /** The generation that the variant must be at: nobody has moved any of its channels since. */
  readonly generation?: number | undefined
  readonly message?: string | undefined
}

/** What a rollback would do. One request; writes nothing. */
export async function planRollback(
  context: ReleaseContext,
  product: Product,
  variant: string,
  options: RollbackOptions = {},
): Promise<Rotation> {
  return rollbackOn((await needVariant(context, product, variant)).ref, options, context.clock.now())
}

/** stable goes back in one conditional write; no byte of an artifact moves. The release that failed is archived. */
export async function rollback(
  context: ReleaseContext,
  product: Product,
  variant: string,
  options: RollbackOptions = {},
): Promise<Shifted> {
  return shift(context, product, variant, options.message, (ref) => rollbackOn(ref, options, context.clock.now()))
}

/** What a promotion would do. One request; writes nothing. */
export async function planPromote(context: ReleaseContext, product: Product, variant: string, options: PromoteOptions): Promise<Rotation> {
  return promoteOn((await needVariant(context, product, variant)).ref, options, context.clock.now())
}

/** The release of one channel goes to another: the very bytes that were tested, by one conditional write. */
export async function promote(context: ReleaseContext, product: Product, variant: string, options: PromoteOptions): Promise<Shifted> {
  return shift(context, product, variant, options.message, (ref) => promoteOn(ref, options, context.clock.now()))
}

async function shift(
  context: ReleaseContext,
  product: Product,
  variant: string,
  message: string | undefined,
  plan: (ref: VariantRef) => Rotation,
): Promise<Shifted> {
  const { ref } = await needVariant(context, product, variant)
  await refuseForeignFiles(context, product, variant, { current: ref, next: plan(ref).state })
  await context.prepareStore()
  let rotation: Rotation | undefined
  const moved = await moveRef(
    context,
    releaseRefs,
    refNameFor(product, variant),
    (current) => {
      if (current === undefined) throw new Fault('not-found', `nothing has been released for ${product.name} ${variant}`)
      rotation = plan(current)
      return { state: rotation.state, action: rotation.action, note: rotation.note, message }
    },
    { onLost: product.onConflict },
  )
  return { rotation: rotation!, moved, reconciled: await reconcile(context, product, variant, { ref: moved.after }) }
}

function rollbackOn(ref: VariantRef, options: RollbackOptions, now: number): Rotation {
  refuseOther(ref, stable, options.expect)
  refuseMoved(ref, options.generation)
  return rollBackTo(ref.state, options.to === undefined ? undefined : select(ref, options.to).id, now)
}

function promoteOn(ref: VariantRef, options: PromoteOptions, now: number): Rotation {
  const from = channelName(options.from)
  refuseOther(ref, from, options.expect)
  refuseMoved(ref, options.generation)
  return promoteTo(ref.state, from, channelName(options.to), now)
}

function refuseOther(ref: VariantRef, channel: string, expect: string | undefined): void {
  if (expect === undefined) return
  const wanted = expect.startsWith('sha256:') ? expect : `sha256:${expect}`
  if (!isDigest(wanted))
    throw new Fault('invalid', `--expect needs a whole digest, not ${JSON.stringify(expect)}`, {
      hint: 'copy it from: holdfast release show',
    })
  const id = ref.state.channels[channel]
  if (id === undefined) throw new Fault('precondition', `${channel} of ${ref.name} is empty; ${wanted} was expected`)
  const file = onlyFile(ref, id)
  if (wanted === id || wanted === file) return
  throw new Fault(
    'precondition',
    `${channel} of ${ref.name} is not what you expect; nothing was changed\n  expected ${wanted}\n  found    ${file ?? id}${file === undefined ? '' : ` (release ${shortId(id)})`}`,
    {
      hint: 'look at what it holds now: holdfast release show',
    },
  )
}

function refuseMoved(ref: VariantRef, generation: number | undefined): void {
  if (generation === undefined || generation === ref.generation) return
  throw new Fault('precondition', `${ref.name} is at generation ${ref.generation}, not ${generation}; nothing was changed`, {
    hint: 'look at what it holds now: holdfast release history',
  })
}

function onlyFile(ref: VariantRef, id: Digest): Digest | undefined {
  const summary = ref.state.releases[id]
  return summary?.fileCount === 1 ? summary.files?.[0]?.digest : undefined
}
