import * as v from 'valibot'
import { Fault } from '../../kit/index.ts'
import {
  catalogueAt,
  compareCatalogues,
  type IndexContext,
  type IndexRef,
  listGenerations,
  type PublishedFile,
  readCatalogue,
  readIndex,
  readProject,
} from '../../python-index/index.ts'
import type { Served } from '../served.ts'
import { pageOf as pageAfter } from './page.ts'
import { route } from './route.ts'
import { bytes, count, digest, move, name, pageOf, paging, prefix, text, time } from './shapes.ts'

const indexed = v.object({
  prefix: v.string(),
  generation: count,
  at: time,
  action: v.string(),
  projects: count,
  files: count,
  bytes,
  refused: v.pipe(count, v.description('Files that are in the bucket and cannot be published.')),
})

const environment = v.object({
  name: v.string(),
  bucket: v.string(),
  urls: v.array(v.string()),
  prefixes: v.array(v.string()),
  protected: v.boolean(),
  mount: v.pipe(v.string(), v.description('Where this server has it.')),
  generation: v.optional(v.pipe(count, v.description('Absent where nothing was ever published.'))),
  indexes: v.array(indexed),
})

const packaged = v.object({ name: v.string(), files: count, bytes, refused: count })

const status = v.object({ status: v.string(), reason: v.optional(v.string()) })

const file = v.object({
  name: v.string(),
  kind: v.picklist(['wheel', 'sdist']),
  version: v.string(),
  size: bytes,
  digest: v.optional(digest),
  uploaded: v.string(),
  requiresPython: v.optional(v.string()),
  yanked: v.optional(v.pipe(v.string(), v.description('Why it is yanked; empty without a reason.'))),
  metadata: v.optional(digest),
})

const generation = v.object({
  ...move.entries,
  prefixes: v.record(v.string(), v.object({ catalogue: v.nullable(digest), isKept: v.boolean(), isCurrent: v.boolean() })),
})

const side = v.pipe(
  v.string(),
  v.regex(/^[^\s/]+(\/[^\s/]+)*(@\d{1,9})?$/),
  v.maxLength(310),
  v.description('An index, or what it was in a generation: PREFIX@12.'),
)

const tag = 'index'
const one = { environment: name }

export const indexRoutes = [
  route({
    id: 'listIndexEnvironments',
    path: '/index',
    tag,
    summary: 'The environments of the Python index, with their indexes: packages, files, sizes, last change',
    response: v.object({ environments: v.array(environment) }),
    freshFor: 1_000,
    run: async (served) => ({ environments: await Promise.all(served.indexes.map((each) => describe(served, each))) }),
  }),
  route({
    id: 'getIndexEnvironment',
    path: '/index/{environment}',
    tag,
    summary: 'One environment of the Python index',
    params: one,
    response: environment,
    freshFor: 1_000,
    run: async (served, { params }) => await describe(served, params.environment),
  }),
  route({
    id: 'listPackages',
    path: '/index/{environment}/packages',
    tag,
    summary: 'Packages of one index, by name',
    params: one,
    query: {
      prefix,
      q: v.optional(v.pipe(text, v.description('Only names that contain it.'))),
      refused: v.optional(v.pipe(v.picklist(['true']), v.description('Only packages with files that cannot be published.'))),
      ...paging,
    },
    response: v.object(pageOf(packaged)),
    freshFor: 1_000,
    run: async (served, { params, query }) => {
      const context = await indexOf(served, params.environment)
      const { projects } = await readCatalogue(context, stateOf(await published(context), query.prefix).catalogue)
      const names = Object.keys(projects)
        .filter((each) => query.q === undefined || each.includes(query.q.toLowerCase()))
        .filter((each) => query.refused === undefined || projects[each]!.refused > 0)
        .toSorted()
      const rows = names.map((each) => {
        const { files, bytes: size, refused } = projects[each]!
        return { name: each, files, bytes: size, refused }
      })
      return pageAfter(rows, (row) => row.name, query)
    },
  }),
  route({
    id: 'getPackage',
    path: '/index/{environment}/package',
    tag,
    summary: 'One package of one index: status, files with digests, what was refused and why',
    params: one,
    query: { prefix, name },
    response: v.object({
      name: v.string(),
      status,
      files: v.array(file),
      refused: v.array(v.object({ name: v.string(), size: bytes, reason: v.string() })),
      withdrawn: v.array(v.object({ ...file.entries, why: v.string(), since: v.string() })),
    }),
    freshFor: 1_000,
    run: async (served, { params, query }) => {
      const context = await indexOf(served, params.environment)
      const { projects } = await readCatalogue(context, stateOf(await published(context), query.prefix).catalogue)
      const entry = Object.hasOwn(projects, query.name) ? projects[query.name] : undefined
      if (entry === undefined) throw new Fault('not-found', `${query.prefix} has no package ${query.name}`)
      const record = await readProject(context, entry.record)
      return {
        name: record.name,
        status: { ...record.status },
        files: record.files.map(plainFile),
        refused: record.refused.map(({ name: refused, size, reason }) => ({ name: refused, size, reason })),
        withdrawn: record.withdrawn.map((each) => ({ ...plainFile(each), why: each.why, since: each.since })),
      }
    },
  }),
  route({
    id: 'listGenerations',
    path: '/index/{environment}/generations',
    tag,
    summary: 'Who changed what is published, when and why, newest first, and what can be rolled back to',
    params: one,
    query: { prefix: v.optional(prefix), ...paging },
    response: v.object(pageOf(generation)),
    freshFor: 1_000,
    run: async (served, { params, query }) => {
      const ref = await published(await indexOf(served, params.environment))
      return pageAfter(listGenerations(ref, query.prefix).toReversed(), (each) => String(each.generation), query)
    },
  }),
  route({
    id: 'compareIndexes',
    path: '/index/{environment}/diff',
    tag,
    summary: 'What differs between two indexes, or two generations of one',
    params: one,
    query: { a: side, b: side, package: v.optional(name) },
    response: v.object({
      projects: v.array(
        v.object({
          name: v.string(),
          added: v.array(file),
          removed: v.array(file),
          changed: v.array(v.object({ name: v.string(), what: v.array(v.string()) })),
          refused: v.array(v.object({ name: v.string(), reason: v.string() })),
          status: v.optional(v.object({ before: status, after: status })),
        }),
      ),
      same: count,
      files: v.object({ added: count, removed: count, changed: count, refused: count }),
    }),
    run: async (served, { params, query, signal }) => {
      const context = { ...(await indexOf(served, params.environment)), signal }
      const ref = await published(context)
      const [before, after] = [await projectsAt(context, ref, query.a), await projectsAt(context, ref, query.b)]
      const { projects, same, files } = await compareCatalogues(context, before, after, { project: query.package })
      return {
        projects: projects.map((each) => ({
          name: each.name,
          added: each.added.map(plainFile),
          removed: each.removed.map(plainFile),
          changed: each.changed.map(({ name: changed, what }) => ({ name: changed, what })),
          refused: each.refused.map(({ name: refused, reason }) => ({ name: refused, reason })),
          status: each.status,
        })),
        same,
        files,
      }
    },
  }),
]

/** Where an environment of the index is served. */
export function mountOf(environmentName: string): string {
  return environmentName === 'default' ? '/index' : `/index-${environmentName}`
}

export async function indexOf(served: Pick<Served, 'indexes' | 'index'>, wanted: string): Promise<IndexContext> {
  if (served.indexes.includes(wanted)) return await served.index(wanted)
  throw new Fault('not-found', `there is no index environment ${JSON.stringify(wanted)}`, {
    hint: `there is: ${served.indexes.join(', ') || 'none; add [index] to holdfast.toml'}`,
  })
}

async function published(context: IndexContext): Promise<IndexRef> {
  const ref = await readIndex(context)
  if (ref !== undefined) return ref
  throw new Fault('not-found', `nothing was ever published to ${context.environment.bucket}`, { hint: 'run: holdfast index publish' })
}

async function describe(served: Served, wanted: string): Promise<v.InferOutput<typeof environment>> {
  const context = await indexOf(served, wanted)
  const { name: named, bucket, urls, prefixes, isProtected } = context.environment
  const ref = await readIndex(context)
  const moves = new Map(ref === undefined ? [] : listGenerations(ref).map((each) => [each.generation, each]))
  const indexes = Object.entries(ref?.state.prefixes ?? {}).flatMap(([key, { kept, projects, files, bytes: size, refused }]) => {
    const last = moves.get(kept.at(-1)?.generation ?? -1)
    return last === undefined
      ? []
      : [{ prefix: key, generation: last.generation, at: last.at, action: last.action, projects, files, bytes: size, refused }]
  })
  return {
    name: named,
    bucket,
    urls: [...urls],
    prefixes: [...prefixes],
    protected: isProtected,
    mount: `${mountOf(named)}/`,
    generation: ref?.generation,
    indexes: indexes.toSorted((a, b) => (a.prefix < b.prefix ? -1 : 1)),
  }
}

function stateOf(ref: IndexRef, wanted: string) {
  const { prefixes } = ref.state
  const state = Object.hasOwn(prefixes, wanted) ? prefixes[wanted] : undefined
  if (state !== undefined) return state
  throw new Fault('not-found', `${wanted} is not published`, {
    hint: `published are: ${Object.keys(prefixes).toSorted().join(', ') || 'none'}`,
  })
}

async function projectsAt(context: IndexContext, ref: IndexRef, written: string) {
  const [, wanted = written, number] = /^(.*)@(\d+)$/.exec(written) ?? []
  const { catalogue } = catalogueAt(ref, wanted, { generation: number === undefined ? ref.generation : Number(number) })
  return (await readCatalogue(context, catalogue)).projects
}

function plainFile({ name: named, kind, version, size, digest: sum, uploaded, requiresPython, yanked, metadata }: PublishedFile) {
  return { name: named, kind, version, size, digest: sum, uploaded, requiresPython, yanked, metadata }
}
