import type { Digest } from '../kit/index.ts'
import { listPins } from '../chunks/index.ts'
import type { ReleaseContext } from './context.ts'
import { filesOf, findVariants, type FoundVariant, needVariant, select, type Selector, readRelease } from './find.ts'
import { lastStable, type Product, refNameFor, stable } from './product.ts'
import { archivedKey, publishedKey, readFacts } from './published.ts'
import type { Release, SourceCommit } from './record.ts'
import type { Archived, VariantState } from './state.ts'

/** One release as lists show it. */
export interface Row {
  readonly variant: string
  /** Channels that hold it now. */
  readonly channels: readonly string[]
  readonly archived?: Archived | undefined
  readonly id: Digest
  /** Of the only file; undefined where there are several. */
  readonly digest?: Digest | undefined
  readonly size: number
  readonly fileCount: number
  readonly created: string
  readonly by: string
  readonly message?: string | undefined
  readonly sources: Readonly<Record<string, SourceCommit>>
}

/** Every release, channels first and then archives, newest first. One request for each variant, and one to find them. */
export async function listReleases(context: ReleaseContext, product: Product, variant?: string): Promise<Row[]> {
  const found = variant === undefined ? await findVariants(context, product) : [await needVariant(context, product, variant)]
  return found.flatMap(rowsOf)
}

function rowsOf({ variant, ref }: FoundVariant): Row[] {
  const { state } = ref
  const inChannels = [...new Set([state.channels[stable], state.channels[lastStable], ...Object.values(state.channels)])].filter(
    (id) => id !== undefined,
  )
  const archivedOnly = state.archives.filter((archived) => !inChannels.includes(archived.release)).reverse()
  return [
    ...inChannels.map((id) => rowOf(state, variant, id)),
    ...archivedOnly.map((archived) => rowOf(state, variant, archived.release, archived)),
  ]
}

function rowOf(state: VariantState, variant: string, id: Digest, archived = state.archives.findLast((each) => each.release === id)): Row {
  const summary = state.releases[id]!
  const [only] = summary.files ?? []
  const { size, fileCount, created, by, message, sources } = summary
  const channels = Object.keys(state.channels)
    .filter((channel) => state.channels[channel] === id)
    .sort()
  return {
    variant,
    channels,
    archived,
    id,
    digest: fileCount === 1 ? only?.digest : undefined,
    size,
    fileCount,
    created,
    by,
    message,
    sources,
  }
}

/** The variants side by side. */
export interface VariantStatus {
  readonly variant: string
  readonly configured: boolean
  readonly generation: number
  readonly stable?: Row | undefined
  readonly lastStable?: Row | undefined
  readonly others: readonly Row[]
  readonly archives: number
  /** In channels and archives together. */
  readonly releases: number
  readonly newestArchive?: string | undefined
  /** Bytes of all releases of the variant. */
  readonly size: number
  /** False where the published keys have not followed the last move yet; undefined where nothing is published. */
  readonly publishedInLine?: boolean | undefined
  readonly lastMove?:
    | { readonly at: string; readonly by: string; readonly action: string; readonly message?: string | undefined }
    | undefined
}

/** All variants side by side: those of the configuration, released or not, and those that were released. */
export async function statusOf(context: ReleaseContext, product: Product): Promise<VariantStatus[]> {
  const found = await findVariants(context, product)
  const released = new Map(found.map((each) => [each.variant, each]))
  const names = [...new Set([...Object.keys(product.variants), ...released.keys()])].sort()
  return Promise.all(names.map((name) => variantStatus(context, product, name, released.get(name))))
}

async function variantStatus(
  context: ReleaseContext,
  product: Product,
  variant: string,
  found: FoundVariant | undefined,
): Promise<VariantStatus> {
  const configured = Object.hasOwn(product.variants, variant)
  if (found === undefined) return { variant, configured, generation: 0, others: [], archives: 0, releases: 0, size: 0 }
  const { state, generation, history } = found.ref
  const row = (channel: string) => {
    const id = state.channels[channel]
    return id === undefined ? undefined : rowOf(state, variant, id)
  }
  const move = history.at(-1)
  const others = Object.keys(state.channels)
    .filter((channel) => channel !== stable && channel !== lastStable)
    .sort()
  return {
    variant,
    configured,
    generation,
    stable: row(stable),
    lastStable: row(lastStable),
    others: others.map((channel) => row(channel)!),
    archives: state.archives.length,
    releases: Object.keys(state.releases).length,
    newestArchive: state.archives.at(-1)?.at,
    size: Object.values(state.releases).reduce((sum, each) => sum + each.size, 0),
    publishedInLine:
      product.publish === undefined ? undefined : (await readFacts(context, product.publish, found.ref)).generation === generation,
    lastMove: move === undefined ? undefined : { at: move.at, by: move.by, action: move.action, message: move.message },
  }
}

/** One release with everything that is known of it. */
export interface Shown extends Row {
  readonly as: string
  readonly release: Release
  readonly pinned: boolean
  /** Where each of its files is published. */
  readonly published: readonly string[]
}

/** One release, with its files and where it is published. Throws `not-found` where the variant or the release is not there. */
export async function showRelease(context: ReleaseContext, product: Product, variant: string, selector: Selector): Promise<Shown> {
  const { ref } = await needVariant(context, product, variant)
  const selected = select(ref, selector)
  const row = rowOf(ref.state, variant, selected.id)
  const release = await readRelease(context, selected.id)
  const pins = await listPins(context.store, `releases/${refNameFor(product, variant)}/${selected.id.slice('sha256:'.length)}`, {
    signal: context.signal,
  })
  const files = await filesOf(context, selected)
  const published =
    product.publish === undefined
      ? []
      : files.flatMap((file) => [
          ...row.channels.map((channel) => publishedKey(channel, variant, file)),
          ...ref.state.archives
            .filter((archived) => archived.release === selected.id)
            .map((archived) => archivedKey(archived.at, variant, file)),
        ])
  return { ...row, as: selected.as, release, pinned: pins.length > 0, published }
}

/** One move of a variant's channels. */
export interface HistoryRow {
  readonly variant: string
  readonly generation: number
  readonly at: string
  readonly by: string
  readonly action: string
  readonly message?: string | undefined
  /** Where the channels pointed after it. */
  readonly channels: Readonly<Record<string, Digest>>
}

/** Newest first. */
export async function historyOf(context: ReleaseContext, product: Product, variant?: string): Promise<HistoryRow[]> {
  const found = variant === undefined ? await findVariants(context, product) : [await needVariant(context, product, variant)]
  const rows = found.flatMap((each) =>
    each.ref.history.map(({ generation, at, by, action, message, note }): HistoryRow => ({
      variant: each.variant,
      generation,
      at,
      by,
      action,
      message,
      channels: note.channels,
    })),
  )
  return rows.sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : b.generation - a.generation))
}
