import * as v from 'valibot'
import { diffSnapshots, restoreSnapshot, showSnapshot } from '../../environments/index.ts'
import { Fault, formatBytes } from '../../kit/index.ts'
import { environmentOf } from '../routes/environments.ts'
import { name } from '../routes/shapes.ts'
import { action, type Done } from './action.ts'

/** Paths that a plan names. */
const mostLines = 200

export const environmentActions = [
  action({
    id: 'restoreEnvironment',
    tag: 'environments',
    path: '/environment-restore',
    scope: 'env:restore',
    summary: 'Make a live directory what a snapshot is; everything since then is thrown away',
    body: { environment: name, snapshot: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(255))) },
    plan: async (acting, { environment, snapshot }) => {
      const context = await environmentOf(acting, environment)
      const { record } = await showSnapshot(context, snapshot)
      const { differences, counts, bytes } = await diffSnapshots(context, { from: 'live', to: record.name })
      const { added, changed, removed } = counts
      const signs = { added: '+', removed: '-', changed: '~' } as const
      const shown = differences.slice(0, mostLines).map(({ change, path }) => `${signs[change]} ${path}`)
      return {
        lines: [
          `${environment} becomes ${record.name} of ${record.created}`,
          `${added} added (${formatBytes(bytes.added)}), ${changed} changed, ${removed} removed`,
          ...shown,
          ...(differences.length > mostLines ? [`and ${differences.length - mostLines} more`] : []),
        ],
        // What runs in the live directory changes it all the time: what is confirmed is that it becomes this snapshot.
        facts: { snapshot: record.name, created: record.created, mode: record.mode, content: record.content ?? record.kept.digest ?? null },
        carryOut: async (): Promise<Done> => {
          const now = await showSnapshot(context, record.name)
          if (now.record.created !== record.created)
            throw new Fault('precondition', `the snapshot ${record.name} was made anew; nothing was changed`)
          const { fellBack, mode, milliseconds } = await restoreSnapshot(context, { snapshot: record.name })
          if (fellBack !== undefined) throw fellBack
          return { after: { snapshot: record.name, mode, milliseconds } }
        },
      }
    },
  }),
]
