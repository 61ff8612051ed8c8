import * as v from 'valibot'
import {
  compareTrees,
  findSnapshot,
  type Listed,
  listSnapshots,
  lookUp,
  pinnedSnapshots,
  readRecord,
  shownName,
} from '../../snapshots/index.ts'
import { byteText } from '../../kit/index.ts'
import { pageOf as pageAfter } from './page.ts'
import { route } from './route.ts'
import { bytes, count, digest, pageOf, paging, text, time } from './shapes.ts'

const snapshot = v.object({
  id: digest,
  name: v.string(),
  root: digest,
  created: time,
  host: v.string(),
  by: v.string(),
  base: v.string(),
  paths: v.array(v.string()),
  tags: v.array(v.string()),
  message: v.optional(v.string()),
  size: bytes,
  files: count,
  problems: v.pipe(count, v.description('Paths that could not be read.')),
  pinned: v.boolean(),
})

const which = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9_.~:/-]{1,300}$/),
  v.description('An id, its first digits, latest, latest~1, or a name.'),
)

const tag = 'snapshots'

export const snapshotRoutes = [
  route({
    id: 'listSnapshots',
    path: '/snapshots',
    tag,
    summary: 'Snapshots of directory trees, newest first',
    query: { name: v.optional(text), host: v.optional(text), tag: v.optional(text), ...paging },
    response: v.object({ ...pageOf(snapshot), bytes }),
    freshFor: 1_000,
    run: async (served, { query }) => {
      const context = await served.snapshots()
      const { name, host } = query
      const found = await listSnapshots(context, { name, host, tags: query.tag === undefined ? undefined : [query.tag] })
      const pinned = await pinnedSnapshots(context)
      const rows = found.toReversed().map((each) => plain(each, pinned.has(each.id)))
      return { ...pageAfter(rows, (each) => `${each.name} ${each.id}`, query), bytes: found.reduce((sum, each) => sum + each.size, 0) }
    },
  }),
  route({
    id: 'getSnapshot',
    path: '/snapshots/show',
    tag,
    summary: 'One snapshot: what it is of, how much, who made it when',
    query: { snapshot: which },
    response: v.object({
      ...snapshot.entries,
      counts: v.record(v.string(), count),
      exclude: v.array(v.string()),
    }),
    run: async (served, { query, signal }) => {
      const context = await served.snapshots()
      const found = await findSnapshot(context, query.snapshot)
      const { counts, exclude } = await readRecord(context.store, found.id, { signal })
      return { ...plain(found, (await pinnedSnapshots(context)).has(found.id)), counts: { ...counts }, exclude }
    },
  }),
  route({
    id: 'compareSnapshots',
    path: '/snapshots/diff',
    tag,
    summary: 'Paths that differ between two snapshots; at most 10,000 of them',
    query: { a: which, b: which },
    freshFor: 1_000,
    response: v.object({
      a: digest,
      b: digest,
      isCut: v.pipe(v.boolean(), v.description('There are more.')),
      differences: v.array(
        v.object({ change: v.picklist(['added', 'changed', 'removed']), path: v.string(), kind: v.string(), aspects: v.array(v.string()) }),
      ),
    }),
    run: async (served, { query, signal }) => {
      const context = await served.snapshots()
      const [a, b] = [await findSnapshot(context, query.a), await findSnapshot(context, query.b)]
      const chunks = await context.chunks()
      const side = async (root: Listed['root']) => await lookUp(chunks, root, byteText(''), { signal })
      const differences = []
      let isCut = false
      for await (const each of compareTrees(chunks, await side(a.root), await side(b.root), { signal })) {
        isCut = differences.length >= mostDifferences
        if (isCut) break
        const { kind } = 'after' in each ? each.after : each.before
        differences.push({ change: each.kind, path: shownName(each.path), kind, aspects: each.kind === 'changed' ? each.aspects : [] })
      }
      return { a: a.id, b: b.id, isCut, differences }
    },
  }),
]

const mostDifferences = 10_000

function plain(listed: Listed, pinned: boolean): v.InferOutput<typeof snapshot> {
  const { id, name, root, created, host, by, base, paths, tags, message, size, files, problems } = listed
  return { id, name, root, created, host, by, base, paths: [...paths], tags: [...tags], message, size, files, problems, pinned }
}
