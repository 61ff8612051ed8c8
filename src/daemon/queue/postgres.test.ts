import path from 'node:path'
import { after, before } from 'node:test'
import { queueConformance } from '../../../test/fakes/queue-conformance.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { createPostgres, whyNoPostgres } from '../../../test/services/postgres.ts'
import { queueIn } from './open.ts'
import { openPostgres } from './postgres.ts'

// Before its files are removed.
after(() => server?.run(server.lines.stop))
const scratch = scratchDirectory()
const reason = await whyNoPostgres()
/** One for all tests here; each begins without tables. */
const server = reason === undefined ? createPostgres(scratch, path.join(scratch, 'data'), '-c max_connections=20 -c fsync=off') : undefined
before(() => server?.run(server.lines.start))

queueConformance('a queue in PostgreSQL', async (clock, t) => {
  if (server === undefined) return void t.skip(reason ?? '')
  server.query('drop schema if exists holdfast cascade')
  return await queueIn(await openPostgres(server.url), { clock, random: () => 0.5 })
})
