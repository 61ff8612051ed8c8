import * as v from 'valibot'
import { environmentStatus } from '../../environments/index.ts'
import { asFault, isFault } from '../../kit/index.ts'
import { readIndex } from '../../python-index/index.ts'
import { statusOf } from '../../releases/index.ts'
import { listSnapshots } from '../../snapshots/index.ts'
import type { Served } from '../served.ts'
import { pageOf as pageAfter } from './page.ts'
import { route } from './route.ts'
import { bytes, count, move, pageOf, paging } from './shapes.ts'

const named = v.object({ group: v.string(), name: v.string(), id: v.string(), ...move.entries })

const attention = v.object({
  capability: v.picklist(['releases', 'index', 'environments', 'store']),
  name: v.string(),
  what: v.pipe(v.string(), v.description('For people.')),
})

type Attention = v.InferOutput<typeof attention>

const tag = 'overview'

export const overviewRoutes = [
  route({
    id: 'getOverview',
    path: '/overview',
    tag,
    summary: 'What moved lately, what needs attention, and how much there is of everything',
    response: v.object({
      moves: v.array(named),
      attention: v.array(attention),
      releases: v.object({ products: count, variants: count, bytes }),
      index: v.object({ environments: count, indexes: count, files: count, bytes }),
      snapshots: v.object({ snapshots: count, bytes }),
      environments: count,
      runs: v.boolean(),
    }),
    freshFor: 1_000,
    run: async (served) => {
      const [latest, releases, index, environments, snapshots] = await Promise.all([
        served.moves.latest(),
        sumReleases(served),
        sumIndexes(served),
        lookAtEnvironments(served),
        listSnapshots(await served.snapshots()),
      ])
      return {
        moves: latest.slice(0, 20),
        attention: [...releases.attention, ...index.attention, ...environments],
        releases: releases.sum,
        index: index.sum,
        snapshots: { snapshots: snapshots.length, bytes: snapshots.reduce((sum, each) => sum + each.size, 0) },
        environments: served.environments.length,
        runs: served.runs !== undefined,
      }
    },
  }),
  route({
    id: 'listMoves',
    path: '/moves',
    tag,
    summary: 'The latest moves of all names, newest first: who, when, why; at most 1,000',
    query: { group: v.optional(v.picklist(['releases', 'index', 'snapshots'])), ...paging },
    response: v.object(pageOf(named)),
    freshFor: 1_000,
    run: async (served, { query }) => {
      const wanted = (await served.moves.latest()).filter(({ group }) => query.group === undefined || group === query.group)
      return pageAfter(wanted, ({ group, name, generation }) => `${group}/${name} ${generation}`, query)
    },
  }),
]

async function sumReleases(served: Served) {
  const context = await served.releases()
  const products = Object.values(served.products)
  const all = await Promise.all(products.map(async (each) => ({ name: each.name, variants: await statusOf(context, each) })))
  const variants = all.flatMap(({ name, variants: those }) => those.map((each) => ({ product: name, ...each })))
  const attention = variants.flatMap(({ product, variant, publishedInLine }): Attention[] =>
    publishedInLine === false
      ? [
          {
            capability: 'releases',
            name: `${product}/${variant}`,
            what: 'its published files have not followed the last move: holdfast release reconcile',
          },
        ]
      : [],
  )
  const size = variants.reduce((sum, each) => sum + each.size, 0)
  return { attention, sum: { products: products.length, variants: variants.length, bytes: size } }
}

async function sumIndexes(served: Served) {
  const refs = await Promise.all(
    served.indexes.map(async (name) => ({ name, prefixes: (await readIndex(await served.index(name)))?.state.prefixes ?? {} })),
  )
  const states = refs.flatMap(({ name, prefixes }) => Object.entries(prefixes).map(([prefix, state]) => ({ name, prefix, ...state })))
  const attention = states.flatMap(({ prefix, refused }): Attention[] =>
    refused === 0 ? [] : [{ capability: 'index', name: prefix, what: `${refused} files in the bucket cannot be published` }],
  )
  const sumOf = (key: 'files' | 'bytes') => states.reduce((sum, each) => sum + each[key], 0)
  return { attention, sum: { environments: served.indexes.length, indexes: states.length, files: sumOf('files'), bytes: sumOf('bytes') } }
}

/** One that cannot be looked at hides no other. */
async function lookAtEnvironments(served: Served): Promise<Attention[]> {
  const found = await Promise.all(
    served.environments.map(async (name): Promise<Attention[]> => {
      const tell = (what: string): Attention => ({ capability: 'environments', name, what })
      try {
        const { isUnmounted, damaged, unfinished, last } = await environmentStatus(await served.environment(name))
        return [
          ...(isUnmounted ? [tell('what was mounted there is gone, as after a restart of the machine')] : []),
          ...(unfinished === undefined ? [] : [tell(`the restore to ${unfinished.snapshot} has not ended`)]),
          ...damaged.map((each) => tell(`the snapshot ${each.name} is damaged: ${each.why}`)),
          ...(last?.fellBack === true ? [tell(`the last restore to ${last.snapshot} failed and was replaced by the clean-up`)] : []),
        ]
      } catch (error) {
        if (isFault(error, 'bug')) throw error
        return [tell(asFault(error).message)]
      }
    }),
  )
  return found.flat()
}
