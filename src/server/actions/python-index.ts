import * as v from 'valibot'
import { Fault } from '../../kit/index.ts'
import { type IndexContext, listGenerations, promote, type Published, readIndex, rollback } from '../../python-index/index.ts'
import { indexOf } from '../routes/python-index.ts'
import { name, prefix, text } from '../routes/shapes.ts'
import { action, type Done, type Planned } from './action.ts'

const environment = v.optional(v.pipe(name, v.description('`default` unless told.')))
const message = v.optional(v.pipe(text, v.description('Why; kept in the history.')))
const generation = v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)))

export const indexActions = [
  action({
    id: 'promoteIndex',
    tag: 'index',
    path: '/index-promote',
    scope: 'index:promote',
    summary: 'Publish in one index what another one publishes',
    body: { environment, from: prefix, to: prefix, package: v.optional(name), version: v.optional(text), expect: generation, message },
    plan: async (acting, { environment: named = 'default', package: project, ...wanted }) => {
      const context = await indexOf(acting, named)
      const options = { ...wanted, project }
      return await planned(
        context,
        async () => await promote(context, { ...options, dryRun: true }),
        async (standing) => await promote(context, { ...options, gate: standing }),
      )
    },
  }),
  action({
    id: 'rollBackIndex',
    tag: 'index',
    path: '/index-rollback',
    scope: 'index:rollback',
    summary: 'Publish in an index what it published before',
    body: { environment, prefix, generation, message },
    plan: async (acting, { environment: named = 'default', prefix: of, generation: wanted, message: why }) => {
      const context = await indexOf(acting, named)
      const to = { generation: wanted ?? (await generationBefore(context, of)) }
      return await planned(
        context,
        async () => await rollback(context, { prefix: of, to, message: why, dryRun: true }),
        async (standing) => await rollback(context, { prefix: of, to, message: why, gate: standing }),
      )
    },
  }),
]

async function planned(
  context: IndexContext,
  look: () => Promise<Published>,
  carryOut: (standing: () => Promise<void>) => Promise<Published>,
): Promise<Planned> {
  // Before the plan: who changes the index while it is made is noticed.
  const before = (await readIndex(context))?.generation
  const plan = await look()
  /** That nobody has changed the index since it was looked at. */
  const standing = async () => {
    const now = (await readIndex(context))?.generation
    if (now !== before) throw new Fault('precondition', `the index is at generation ${now ?? 0}, not ${before ?? 0}; nothing was changed`)
  }
  return {
    lines: plan.prefixes.flatMap(linesOf),
    facts: {
      before: before ?? 0,
      prefixes: plan.prefixes.map(({ prefix: key, filesAdded, filesRemoved, filesChanged, filesYanked, filesUnyanked }) => ({
        key,
        filesAdded,
        filesRemoved,
        filesChanged,
        filesYanked,
        filesUnyanked,
      })),
    },
    carryOut: async (): Promise<Done> => {
      await context.prepareStore()
      const { generation: after } = await carryOut(standing)
      return { before: { generation: before ?? 0 }, after: { generation: after ?? 0 } }
    },
  }
}

function linesOf({ prefix: key, ...difference }: Published['prefixes'][number]): string[] {
  const { filesAdded, filesRemoved, filesChanged, filesYanked, filesUnyanked } = difference
  return [
    ...filesAdded.map((file) => `+ ${key}/${file}`),
    ...filesRemoved.map((file) => `- ${key}/${file}`),
    ...filesChanged.map((file) => `~ ${key}/${file.name}`),
    ...filesYanked.map((file) => `~ ${key}/${file}: yanked`),
    ...filesUnyanked.map((file) => `~ ${key}/${file}: no longer yanked`),
  ]
}

/** Of the catalogue that it can go back to. */
async function generationBefore(context: IndexContext, of: string): Promise<number> {
  const ref = await readIndex(context)
  const kept = ref === undefined ? [] : listGenerations(ref, of).filter(({ prefixes }) => prefixes[of]?.isKept === true)
  const last = kept.at(-2)
  if (last !== undefined) return last.generation
  throw new Fault('not-found', `nothing that ${of} published before is kept`)
}
