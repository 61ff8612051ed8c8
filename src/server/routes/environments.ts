import * as v from 'valibot'
import { diffSnapshots, type EnvironmentContext, environmentStatus, listSnapshots, restoreHistory } from '../../environments/index.ts'
import { Fault } from '../../kit/index.ts'
import type { Served } from '../served.ts'
import { route } from './route.ts'
import { bytes, count, name, time } from './shapes.ts'

const lastRestore = v.object({
  snapshot: v.string(),
  mode: v.string(),
  at: time,
  milliseconds: v.number(),
  fellBack: v.optional(v.pipe(v.boolean(), v.description('The clean-up command ran in its place.'))),
})

const status = v.object({
  name: v.string(),
  live: v.string(),
  liveExists: v.boolean(),
  isUnmounted: v.boolean(),
  snapshotName: v.string(),
  configured: v.string(),
  mode: v.optional(v.string()),
  why: v.optional(v.string()),
  snapshots: count,
  newest: v.optional(v.string()),
  damaged: v.array(v.object({ name: v.string(), why: v.string() })),
  last: v.optional(lastRestore),
  unfinished: v.optional(v.pipe(v.string(), v.description('The snapshot of a restore that has not ended.'))),
})

const snapshot = v.object({
  name: v.string(),
  mode: v.string(),
  created: time,
  entries: count,
  bytes,
  stored: v.optional(bytes),
  lastUsed: v.optional(v.string()),
  inUse: v.boolean(),
})

const tag = 'environments'
const one = { environment: name }
const snapshotName = v.pipe(v.string(), v.minLength(1), v.maxLength(255), v.description('A snapshot, or live.'))

export const environmentRoutes = [
  route({
    id: 'listEnvironments',
    path: '/environments',
    tag,
    summary: 'Test environments: mode, snapshots, last restore and how long it took, and what is wrong',
    response: v.object({ environments: v.array(status) }),
    freshFor: 1_000,
    run: async (served) => ({
      environments: await Promise.all(served.environments.map(async (each) => await describe(await served.environment(each)))),
    }),
  }),
  route({
    id: 'getEnvironment',
    path: '/environments/{environment}',
    tag,
    summary: 'One test environment with its snapshots, newest first, and how long its restores took',
    params: one,
    response: v.object({
      ...status.entries,
      list: v.array(snapshot),
      foreign: v.array(v.string()),
      restores: v.pipe(v.array(lastRestore), v.description('The latest restores, whoever made them, oldest first.')),
    }),
    run: async (served, { params }) => {
      const context = await environmentOf(served, params.environment)
      const { snapshots, foreign } = await listSnapshots(context)
      const restores = await restoreHistory(context)
      return {
        ...(await describe(context)),
        list: snapshots.map((each) => ({ ...each })),
        foreign,
        restores: restores.slice(-mostRestores),
      }
    },
  }),
  route({
    id: 'compareEnvironment',
    path: '/environments/{environment}/diff',
    tag,
    summary: 'Paths that differ between two snapshots, or a snapshot and the live directory; at most 10,000 of them',
    params: one,
    query: { from: v.optional(snapshotName), to: v.optional(snapshotName) },
    // A look at all of a directory: who asks at once is given one.
    freshFor: 1_000,
    response: v.object({
      from: v.string(),
      to: v.string(),
      counts: v.object({ added: count, changed: count, removed: count }),
      bytes: v.object({ added: bytes, changed: bytes, removed: bytes }),
      differences: v.array(
        v.object({
          change: v.picklist(['added', 'changed', 'removed']),
          path: v.string(),
          kind: v.string(),
          before: bytes,
          after: bytes,
          aspects: v.array(v.string()),
        }),
      ),
    }),
    run: async (served, { params, query, signal }) => {
      const context = { ...(await environmentOf(served, params.environment)), signal }
      const { from = context.settings.snapshotName, to = 'live' } = query
      if (from === to) throw new Fault('invalid', `${from} is compared with itself`)
      const { differences, ...sums } = await diffSnapshots(context, { from, to })
      return { ...sums, differences: differences.slice(0, mostDifferences) }
    },
  }),
]

const mostDifferences = 10_000
const mostRestores = 500

export async function environmentOf(served: Pick<Served, 'environments' | 'environment'>, wanted: string): Promise<EnvironmentContext> {
  if (served.environments.includes(wanted)) return await served.environment(wanted)
  throw new Fault('not-found', `there is no environment ${JSON.stringify(wanted)}`, {
    hint: `there is: ${served.environments.join(', ') || 'none; add [env.NAME] to holdfast.toml'}`,
  })
}

async function describe(context: EnvironmentContext): Promise<v.InferOutput<typeof status>> {
  const {
    mounts: _mounts,
    snapshotsDir: _dir,
    autoCreateOnStartup: _auto,
    unfinished,
    damaged,
    last,
    ...rest
  } = await environmentStatus(context)
  return {
    ...rest,
    damaged: damaged.map(({ name: damagedName, why }) => ({ name: damagedName, why })),
    last: last && { ...last },
    unfinished: unfinished?.snapshot,
  }
}
