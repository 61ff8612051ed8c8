import { Fault } from '../kit/index.ts'
import type { ObjectStore } from '../store/index.ts'
import type { ReleaseContext } from './context.ts'
import { filesOf, findVariant } from './find.ts'
import { metadataKey } from './metadata-view.ts'
import type { Product } from './product.ts'
import { publishedKey } from './published.ts'
import type { ReleaseFile } from './record.ts'
import { channelsEver, type VariantRef, type VariantState } from './state.ts'

/** A move that is about to be made. */
export interface Entering {
  readonly current: VariantRef | undefined
  readonly next: VariantState
  /** The files of a release that is new and has no record yet. */
  readonly fresh?: readonly ReleaseFile[] | undefined
}

/**
 * A channel that this store's releases enter for the first time must not take the place of what somebody else keeps under its keys:
 * those files may be the only copy. Throws `already-exists`.
 */
export async function refuseForeignFiles(context: ReleaseContext, product: Product, variant: string, move: Entering): Promise<void> {
  const { current, next, fresh = [] } = move
  const before = current === undefined ? new Set<string>() : channelsEver(current)
  for (const channel of Object.keys(next.channels).filter((name) => !before.has(name))) {
    const id = next.channels[channel]!
    const summary = current?.state.releases[id]
    const files = summary === undefined ? fresh : await filesOf(context, { id, summary })
    const found = await firstForeign(context, product, variant, channel, files)
    if (found === undefined) continue
    // Somebody else may have entered the channel since this command looked: then the file is its.
    const now = await findVariant(context, product, variant)
    if (now !== undefined && channelsEver(now.ref).has(channel)) continue
    throw new Fault('already-exists', `${channel} of ${product.name} ${variant} has held no release of this store, yet its file exists`, {
      at: found,
      hint: 'check that the store is the right one, and keep a copy; then move the file away, or release with --force over it',
    })
  }
}

async function firstForeign(
  context: ReleaseContext,
  product: Product,
  variant: string,
  channel: string,
  files: readonly ReleaseFile[],
): Promise<string | undefined> {
  const published = files.map((file) => publishedKey(channel, variant, file))
  const isThere = async (to: ObjectStore, key: string) => (await to.head(key, { signal: context.signal })) !== undefined
  if (product.publish !== undefined) {
    const to = await context.openView(product.publish.url)
    for (const key of published) if (await isThere(to, key)) return `${to.name}/${key}`
  }
  if (product.metadata !== undefined) {
    const to = await context.openView(`file:${product.metadata}`)
    const key = metadataKey(channel, variant)
    if (await isThere(to, key)) return `${to.name}/${key}`
  }
  return undefined
}
