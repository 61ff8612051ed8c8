import * as v from 'valibot'
import { route } from './route.ts'
import { count, time, whole } from './shapes.ts'

export const auditRoutes = [
  route({
    id: 'listAudit',
    path: '/audit',
    tag: 'audit',
    summary: 'The audit log, newest first: who did what from where, and what names were before and after',
    scope: 'audit:read',
    query: {
      before: v.optional(v.pipe(whole(1, 999_999_999), v.description('Only entries with a smaller number: the next page.'))),
      limit: v.optional(whole(1, 1000)),
    },
    response: v.object({
      entries: v.array(
        v.object({
          seq: count,
          at: time,
          request: v.string(),
          kind: v.picklist(['began', 'done', 'failed']),
          action: v.string(),
          by: v.string(),
          from: v.string(),
          what: v.unknown(),
          before: v.optional(v.unknown()),
          after: v.optional(v.unknown()),
          message: v.optional(v.string()),
          chain: v.string(),
        }),
      ),
    }),
    run: async ({ state }, { query: { before, limit = 100 } }) => ({ entries: state.audit.read({ limit, before }) }),
  }),
]
