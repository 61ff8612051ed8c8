import * as v from 'valibot'
import { Fault, parseTime } from '../../kit/index.ts'
import type { Change, Entry } from '../../manifest/index.ts'
import {
  compareReleases,
  historyOf,
  listReleases,
  type Product,
  type Row,
  type Selector,
  showRelease,
  statusOf,
  type VariantStatus,
} from '../../releases/index.ts'
import type { Served, ServedView } from '../served.ts'
import { pageOf as pageAfter } from './page.ts'
import { route } from './route.ts'
import { bytes, count, digest, move, name, pageOf, paging, time } from './shapes.ts'

const source = v.object({ system: v.string(), commit: v.string(), dirty: v.boolean() })
const archived = v.object({ at: v.string(), release: digest, why: v.string() })

const row = v.object({
  variant: v.string(),
  channels: v.pipe(v.array(v.string()), v.description('That hold it now.')),
  archived: v.optional(archived),
  id: digest,
  digest: v.optional(v.pipe(v.string(), v.description('Of its only file; absent where there are several.'))),
  size: bytes,
  fileCount: count,
  created: time,
  by: v.string(),
  message: v.optional(v.string()),
  sources: v.record(v.string(), source),
})

const variantStatus = v.object({
  variant: v.string(),
  configured: v.boolean(),
  generation: count,
  stable: v.optional(row),
  lastStable: v.optional(row),
  others: v.array(row),
  archives: count,
  releases: v.pipe(count, v.description('In channels and archives together.')),
  newestArchive: v.optional(v.string()),
  size: bytes,
  publishedInLine: v.optional(v.pipe(v.boolean(), v.description('Whether the published keys have followed the last move.'))),
  lastMove: v.optional(v.object({ at: time, by: v.string(), action: v.string(), message: v.optional(v.string()) })),
})

const product = v.object({ product: v.string(), variantLabel: v.string(), published: v.boolean(), variants: v.array(variantStatus) })

const file = v.object({ path: v.string(), size: bytes, digest, sha1: v.string(), mode: count, download: v.string() })

const which = v.pipe(
  v.string(),
  v.maxLength(100),
  v.description('A channel, the time of an archive (20250107_143000), or the first digits of an id.'),
)

const tag = 'releases'
const one = { product: name }

export const releaseRoutes = [
  route({
    id: 'listProducts',
    path: '/releases',
    tag,
    summary: 'All products, with the channels of their variants',
    response: v.object({ products: v.array(product) }),
    freshFor: 1_000,
    run: async (served) => ({
      products: await Promise.all(Object.values(served.products).map((each) => describe(served, each))),
    }),
  }),
  route({
    id: 'getProduct',
    path: '/releases/{product}',
    tag,
    summary: 'One product, with the channels of its variants',
    params: one,
    response: product,
    freshFor: 1_000,
    run: async (served, { params }) => await describe(served, productOf(served, params.product)),
  }),
  route({
    id: 'listReleases',
    path: '/releases/{product}/list',
    tag,
    summary: 'Releases of a product, those in channels first, then archives, newest first',
    params: one,
    query: { variant: v.optional(name), ...paging },
    response: v.object(pageOf(row)),
    freshFor: 1_000,
    run: async (served, { params, query }) => {
      const of = productOf(served, params.product)
      const rows = await served.whileUnmoved(`list ${of.name} ${query.variant}`, prefixesOf(of), async () =>
        (await listReleases(await served.releases(), of, query.variant)).map(plainRow),
      )
      return pageAfter(rows, ({ variant, id }) => `${variant} ${id}`, query)
    },
  }),
  route({
    id: 'listReleaseMoves',
    path: '/releases/{product}/history',
    tag,
    summary: 'Moves of the channels of a product, newest first: who, when, why, and what each channel held after it',
    params: one,
    query: { variant: v.optional(name), ...paging },
    response: v.object(pageOf(v.object({ variant: v.string(), ...move.entries, channels: v.record(v.string(), digest) }))),
    freshFor: 1_000,
    run: async (served, { params, query }) => {
      const of = productOf(served, params.product)
      const moves = await served.whileUnmoved(`history ${of.name} ${query.variant}`, prefixesOf(of), async () =>
        historyOf(await served.releases(), of, query.variant),
      )
      return pageAfter(moves, ({ variant, generation }) => `${variant} ${generation}`, query)
    },
  }),
  route({
    id: 'getRelease',
    path: '/releases/{product}/{variant}/{release}',
    tag,
    summary: 'One release with its files, their digests and where they can be downloaded',
    params: { product: name, variant: name, release: which },
    response: v.object({
      ...row.entries,
      as: v.string(),
      variantLabel: v.string(),
      fields: v.record(v.string(), v.string()),
      files: v.array(file),
      pinned: v.boolean(),
      published: v.array(v.string()),
    }),
    run: async (served, { params: { product: named, variant, release } }) => {
      const context = await served.releases()
      const shown = await showRelease(context, productOf(served, named), variant, selectorOf(release))
      const { release: record, ...facts } = shown
      const base = `/releases/${named}/${variant}/${shown.id}`
      return {
        ...plainRow(facts),
        as: facts.as,
        variantLabel: record.variantLabel,
        fields: record.fields,
        files: record.files.map((each) => ({ ...each, download: `${base}/${each.path.split('/').map(encodeURIComponent).join('/')}` })),
        pinned: facts.pinned,
        published: facts.published,
      }
    },
  }),
  route({
    id: 'compareReleases',
    path: '/releases/{product}/diff',
    tag,
    summary: 'What differs between two releases: files, commits, fields of the build',
    params: one,
    query: { variant: name, a: which, b: which, variantB: v.optional(name) },
    response: v.object({
      a: v.object({ id: digest, as: v.string() }),
      b: v.object({ id: digest, as: v.string() }),
      sameFiles: v.boolean(),
      files: v.array(
        v.object({
          change: v.picklist(['add', 'change', 'remove']),
          path: v.string(),
          before: v.optional(v.object({ size: bytes, digest })),
          after: v.optional(v.object({ size: bytes, digest })),
        }),
      ),
      sources: v.array(v.object({ name: v.string(), a: v.optional(source), b: v.optional(source) })),
      fields: v.array(v.object({ name: v.string(), a: v.optional(v.string()), b: v.optional(v.string()) })),
    }),
    run: async (served, { params, query }) => {
      const { a, b, files, ...rest } = await compareReleases(
        await served.releases(),
        productOf(served, params.product),
        { variant: query.variant, selector: selectorOf(query.a) },
        { variant: query.variantB ?? query.variant, selector: selectorOf(query.b) },
      )
      return { a: { id: a.id, as: a.as }, b: { id: b.id, as: b.as }, files: files.flatMap(changeOf), ...rest }
    },
  }),
]

export function productOf(served: Pick<Served, 'products'>, wanted: string): Product {
  const found = Object.hasOwn(served.products, wanted) ? served.products[wanted] : undefined
  if (found !== undefined) return found
  throw new Fault('not-found', `there is no product ${JSON.stringify(wanted)}`, {
    hint: `there is: ${Object.keys(served.products).join(', ') || 'none; add [release.NAME] to holdfast.toml'}`,
  })
}

/** As people write it: `latest` is stable; an archive's time, an id; or `stable@2025-01-15T14:30:00Z`, what the channel held then. */
export function selectorOf(written: string): Selector {
  if (written === 'latest') return { channel: 'stable' }
  if (/^\d{8}_\d{6}$/.test(written) || /^sha256:[0-9a-f]{4,64}$/.test(written)) return { archive: written }
  if (/^[0-9a-f]{4,64}$/.test(written) && /\d/.test(written)) return { archive: written }
  return { channel: written }
}

/** What a channel held at a time. */
export function selectorAsOf(channel: string, asOf: string, now: number): Selector {
  return { channel: channel === 'latest' ? 'stable' : channel, asOf: parseTime(asOf, now) }
}

/** How the variants of a product stand. */
export async function variantsOf(served: ServedView, each: Product): Promise<VariantStatus[]> {
  return await served.whileUnmoved(`status ${each.name}`, prefixesOf(each), async () => await statusOf(await served.releases(), each))
}

/** What says how its releases stand: its refs, and where it is published, what is known of that. */
function prefixesOf({ name: named, publish }: Product): string[] {
  return [`refs/releases/${named}/`, ...(publish === undefined ? [] : ['facts/releases/'])]
}

async function describe(served: ServedView, each: Product): Promise<v.InferOutput<typeof product>> {
  const variants = await variantsOf(served, each)
  return {
    product: each.name,
    variantLabel: each.variantLabel,
    published: each.publish !== undefined,
    variants: variants.map(plainStatus),
  }
}

function plainStatus({ stable, lastStable, others, ...rest }: VariantStatus): v.InferOutput<typeof variantStatus> {
  return {
    ...rest,
    stable: stable && plainRow(stable),
    lastStable: lastStable && plainRow(lastStable),
    others: others.map(plainRow),
    lastMove: rest.lastMove && { ...rest.lastMove },
  }
}

function plainRow({ variant, channels, archived: left, id, digest: only, size, fileCount, created, by, message, sources }: Row) {
  return {
    variant,
    channels: [...channels],
    archived: left,
    id,
    digest: only,
    size,
    fileCount,
    created,
    by,
    message,
    sources: { ...sources },
  }
}

function changeOf(change: Change) {
  if (change.kind === 'same') return []
  const side = (entry: Entry) => ({ size: entry.size, digest: entry.digest })
  const before = change.kind === 'add' ? undefined : side(change.before)
  const after = change.kind === 'remove' ? undefined : side(change.after)
  return [{ change: change.kind, path: change.path, before, after }]
}
