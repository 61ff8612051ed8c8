import * as v from 'valibot'
import { environmentStatus, listSnapshots as listEnvironmentSnapshots } from '../../environments/index.ts'
import { asFault, isFault } from '../../kit/index.ts'
import { readIndex, refNameOfBucket } from '../../python-index/index.ts'
import { listSnapshots } from '../../snapshots/index.ts'
import type { NamedMove } from '../moves.ts'
import type { Served, ServedView } from '../served.ts'
import { pageOf as pageAfter } from './page.ts'
import { variantsOf } from './releases.ts'
import { route } from './route.ts'
import { bytes, count, move, pageOf, paging } from './shapes.ts'

const named = v.object({
  group: v.string(),
  name: v.string(),
  shown: v.pipe(v.string(), v.description('What people call it: rcclx 6.4, the environment of an index, the directories of a snapshot.')),
  environment: v.optional(v.pipe(v.string(), v.description('Of an index: where it is configured.'))),
  prefixes: v.optional(v.pipe(v.array(v.string()), v.description('Of an index: the prefixes that changed; at most 20.'))),
  id: v.string(),
  ...move.entries,
})

const attention = v.object({
  capability: v.picklist(['releases', 'index', 'environments']),
  name: v.string(),
  environment: v.optional(v.pipe(v.string(), v.description('Of an index: where it is configured.'))),
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
      releases: v.object({ products: count, variants: count, releases: count, bytes }),
      index: v.object({ environments: count, indexes: count, files: count, bytes }),
      snapshots: v.object({ snapshots: count, bytes }),
      environments: v.object({ environments: count, snapshots: count, bytes }),
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
        moves: await nameMoves(served, latest.slice(0, 20)),
        attention: [...releases.attention, ...index.attention, ...environments.attention],
        releases: releases.sum,
        index: index.sum,
        snapshots: { snapshots: snapshots.length, bytes: snapshots.reduce((sum, each) => sum + each.size, 0) },
        environments: environments.sum,
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
      const page = pageAfter(wanted, ({ group, name, generation }) => `${group}/${name} ${generation}`, query)
      return { ...page, items: await nameMoves(served, page.items) }
    },
  }),
]

async function sumReleases(served: ServedView) {
  const products = Object.values(served.products)
  const all = await Promise.all(products.map(async (each) => ({ name: each.name, variants: await variantsOf(served, each) })))
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
  const sumOf = (key: 'releases' | 'size') => variants.reduce((sum, each) => sum + each[key], 0)
  return {
    attention,
    sum: { products: products.length, variants: variants.length, releases: sumOf('releases'), bytes: sumOf('size') },
  }
}

async function sumIndexes(served: Served) {
  const refs = await Promise.all(
    served.indexes.map(async (name) => ({ name, prefixes: (await readIndex(await served.index(name)))?.state.prefixes ?? {} })),
  )
  const states = refs.flatMap(({ name, prefixes }) => Object.entries(prefixes).map(([prefix, state]) => ({ name, prefix, ...state })))
  const attention = states.flatMap(({ name, prefix, refused }): Attention[] => {
    if (refused === 0) return []
    const files = refused === 1 ? 'a file' : `${refused} files`
    return [{ capability: 'index', name: prefix, environment: name, what: `has ${files} in the bucket that cannot be published` }]
  })
  const sumOf = (key: 'files' | 'bytes') => states.reduce((sum, each) => sum + each[key], 0)
  return { attention, sum: { environments: served.indexes.length, indexes: states.length, files: sumOf('files'), bytes: sumOf('bytes') } }
}

/** One that cannot be looked at hides no other. */
async function lookAtEnvironments(served: Served) {
  const found = await Promise.all(served.environments.map(async (name) => await lookAtEnvironment(served, name)))
  const sumOf = (key: 'snapshots' | 'bytes') => found.reduce((sum, each) => sum + each[key], 0)
  return {
    attention: found.flatMap(({ attention: those }) => those),
    sum: { environments: found.length, snapshots: sumOf('snapshots'), bytes: sumOf('bytes') },
  }
}

async function lookAtEnvironment(served: Served, name: string) {
  const tell = (what: string): Attention => ({ capability: 'environments', name, what })
  try {
    const context = await served.environment(name)
    const { isUnmounted, damaged, unfinished, last } = await environmentStatus(context)
    const { snapshots } = await listEnvironmentSnapshots(context)
    return {
      attention: [
        ...(isUnmounted ? [tell('what was mounted there is gone, as after a restart of the machine')] : []),
        ...(unfinished === undefined ? [] : [tell(`the restore to ${unfinished.snapshot} has not ended`)]),
        ...damaged.map((each) => tell(`the snapshot ${each.name} is damaged: ${each.why}`)),
        ...(last?.fellBack === true ? [tell(`the last restore to ${last.snapshot} failed and was replaced by the clean-up`)] : []),
      ],
      snapshots: snapshots.length,
      bytes: snapshots.reduce((sum, { stored, bytes: size }) => sum + (stored ?? size), 0),
    }
  } catch (error) {
    if (isFault(error, 'bug')) throw error
    return { attention: [tell(asFault(error).message)], snapshots: 0, bytes: 0 }
  }
}

const mostPrefixes = 20

/** A ref is called by what its key has room for; people know it by the configuration. */
async function nameMoves(served: Served, moves: readonly NamedMove[]) {
  const indexes = await Promise.all(
    served.indexes.map(async (name) => [refNameOfBucket((await served.index(name)).environment.bucket), name] as const),
  )
  const environmentOf = new Map(indexes.toReversed())
  return moves.map(({ prefixes, paths, ...rest }) => {
    const environment = rest.group === 'index' ? environmentOf.get(rest.name) : undefined
    const shown = rest.group === 'releases' ? rest.name.replace('/', ' ') : (environment ?? paths?.join(', ') ?? rest.name)
    return { ...rest, shown, environment, prefixes: prefixes?.slice(0, mostPrefixes) }
  })
}
