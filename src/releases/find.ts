import { type Digest, Fault, hexOf, mapBounded } from '../kit/index.ts'
import { listRefNames, readRef } from '../refs/index.ts'
import { readSnapshotRecord, readStoreFormat } from '../chunks/index.ts'
import type { ReleaseContext } from './context.ts'
import { channelName, type Product, refNameFor, stable, variantsHint } from './product.ts'
import { type Release, type ReleaseFile, releaseFormat, releaseShape } from './record.ts'
import { releaseRefs, type ReleaseSummary, type VariantRef, type VariantState } from './state.ts'

type Reading = Pick<ReleaseContext, 'store' | 'signal'>

export interface FoundVariant {
  readonly variant: string
  readonly ref: VariantRef
}

/**
 * One request. Undefined where nothing has been released for this variant; to be sure of that takes a second one, since a newer
 * version may keep its refs elsewhere. Then this throws `unsupported`.
 */
export async function findVariant(context: Reading, product: Product, variant: string): Promise<FoundVariant | undefined> {
  const found = await readRef(context.store, releaseRefs, refNameFor(product, variant), context)
  if (found !== undefined) return { variant, ref: found.ref }
  await readStoreFormat(context.store, context)
  return undefined
}

export async function needVariant(context: Reading, product: Product, variant: string): Promise<FoundVariant> {
  const found = await findVariant(context, product, variant)
  if (found !== undefined) return found
  throw new Fault('not-found', `nothing has been released for ${product.name} ${variant}`, {
    at: context.store.name,
    hint: Object.hasOwn(product.variants, variant)
      ? `create a release with: holdfast release create ${product.name} --${product.variantFlag} ${variant}`
      : variantsHint(product),
  })
}

/** Every variant that has been released, also those that the configuration no longer names: one request and one for each. */
export async function findVariants(context: Reading, product: Product): Promise<FoundVariant[]> {
  const start = `${product.name}/`
  const names = await listRefNames(context.store, releaseRefs, start, context)
  if (names.length === 0) await readStoreFormat(context.store, context)
  const found = await mapBounded(names, 8, (name) => findVariant(context, product, name.slice(start.length)), context.signal)
  return found.filter((each) => each !== undefined)
}

/** Which release is meant: a channel's, an archived one's by time or id, or the channel's at a time in the past. */
export type Selector =
  | { readonly channel: string }
  | { readonly archive: string }
  | { readonly asOf: number; readonly channel?: string | undefined }

export interface Selected {
  readonly id: Digest
  readonly summary: ReleaseSummary
  /** In words: `stable`, `archive 20250107_143000`. */
  readonly as: string
}

export function select(ref: VariantRef, selector: Selector): Selected {
  const { id, as } =
    'asOf' in selector
      ? selectAsOf(ref, selector)
      : 'channel' in selector
        ? selectChannel(ref, selector.channel)
        : selectArchive(ref, selector.archive)
  const summary = ref.state.releases[id]
  if (summary !== undefined) return { id, summary, as }
  throw new Fault('not-found', `${as} of ${ref.name} was ${shortId(id)}, which has been pruned since`, {
    hint: 'see what is left: holdfast release list',
  })
}

function selectChannel(ref: VariantRef, name: string): { id: Digest; as: string } {
  const channel = channelName(name)
  const id = ref.state.channels[channel]
  if (id !== undefined) return { id, as: channel }
  throw new Fault('not-found', `the channel ${channel} of ${ref.name} is empty`, {
    hint: `its channels are: ${Object.keys(ref.state.channels).sort().join(', ') || 'none'}`,
  })
}

function selectArchive(ref: VariantRef, text: string): { id: Digest; as: string } {
  const byTime = ref.state.archives.find((archived) => archived.at === text)
  if (byTime !== undefined) return { id: byTime.release, as: `archive ${byTime.at}` }
  const prefix = text.replace(/^sha256:/, '')
  const ids = /^[0-9a-f]{4,64}$/.test(prefix)
    ? (Object.keys(ref.state.releases) as Digest[]).filter((id) => hexOf(id).startsWith(prefix))
    : []
  if (ids.length === 1) return { id: ids[0]!, as: nameOf(ref.state, ids[0]!) }
  if (ids.length > 1)
    throw new Fault('invalid', `${JSON.stringify(text)} means ${ids.length} releases of ${ref.name}`, {
      hint: `write more of the id: ${ids.map((id) => hexOf(id).slice(0, 16)).join(', ')}`,
    })
  throw new Fault('not-found', `${ref.name} has no release ${JSON.stringify(text)}`, {
    hint: 'give the time of an archive (20250107_143000) or the first digits of an id; see: holdfast release list',
  })
}

function selectAsOf(ref: VariantRef, selector: { asOf: number; channel?: string | undefined }): { id: Digest; as: string } {
  const channel = channelName(selector.channel ?? stable)
  const time = new Date(selector.asOf).toISOString()
  const move = ref.history.findLast((each) => each.at <= time)
  const id = move?.note.channels[channel]
  if (id !== undefined) return { id, as: `${channel} as of ${time}` }
  throw new Fault('not-found', `${channel} of ${ref.name} was empty at ${time}`, { hint: 'see its moves: holdfast release history' })
}

/** How a release is called now: its channels, else its archive time, else its id. */
export function nameOf(state: VariantState, id: Digest): string {
  const channels = Object.keys(state.channels)
    .filter((channel) => state.channels[channel] === id)
    .sort()
  if (channels.length > 0) return channels.join(', ')
  const archived = state.archives.findLast((each) => each.release === id)
  return archived === undefined ? shortId(id) : `archive ${archived.at}`
}

/** The first twelve digits, for people. */
export function shortId(id: Digest): string {
  return hexOf(id).slice(0, 12)
}

/** The immutable record: one request. */
export async function readRelease(context: Reading, id: Digest): Promise<Release> {
  return readSnapshotRecord(context.store, id, releaseShape, releaseFormat, context)
}

/** The files of a release: from the ref where it has them, else from the release's own record. */
export async function filesOf(
  context: Reading,
  selected: { readonly id: Digest; readonly summary: ReleaseSummary },
): Promise<readonly ReleaseFile[]> {
  return selected.summary.files ?? (await readRelease(context, selected.id)).files
}
