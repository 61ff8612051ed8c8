import * as v from 'valibot'
import { measureStore, readStoreFormat } from '../../chunks/index.ts'
import { Fault } from '../../kit/index.ts'
import { traceNode } from '../../snapshots/index.ts'
import { route } from './route.ts'
import { bytes, count } from './shapes.ts'

const space = v.object({ objects: count, bytes })

const tag = 'store'

export const storeRoutes = [
  route({
    id: 'getStore',
    path: '/store',
    tag,
    summary: 'The store: where it is and what its format is',
    response: v.object({
      name: v.string(),
      id: v.optional(v.pipe(v.string(), v.description('Absent where nothing was ever stored.'))),
      format: v.optional(v.string()),
    }),
    freshFor: 5_000,
    run: async ({ store }) => {
      const format = await readStoreFormat(store)
      return { name: store.name, id: format?.id, format: format?.format }
    },
  }),
  route({
    id: 'measureStore',
    path: '/store/space',
    tag,
    summary: 'What the store takes, by kind, and what prunes would give back; found out at most once a minute, since it lists every key',
    response: v.object({
      kinds: v.record(v.string(), space),
      total: space,
      unneeded: v.optional(v.object({ condemned: space, unreached: space, repacked: space })),
      unknown: v.optional(v.pipe(v.string(), v.description('Why it cannot be told what prunes would give back.'))),
    }),
    freshFor: 60_000,
    run: async (served) => {
      const { store, random, clock, report, cacheDir } = await served.snapshots()
      const { kinds, total, unneeded } = await measureStore({ store, trace: traceNode, cache: await cacheDir(), clock, random, report })
      const isKnown = !(unneeded instanceof Fault)
      return {
        kinds,
        total,
        unneeded: isKnown ? unneeded : undefined,
        unknown: isKnown ? undefined : unneeded.message,
      }
    },
  }),
]
