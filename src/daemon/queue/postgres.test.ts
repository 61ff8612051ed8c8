import assert from 'node:assert/strict'
import path from 'node:path'
import { after, before, test } from 'node:test'
import pg from 'pg'
import { queueConformance } from '../../../test/fakes/queue-conformance.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { createPostgres, whyNoPostgres } from '../../../test/services/postgres.ts'
import { queueIn } from './open.ts'
import { faultFrom, openPostgres } from './postgres.ts'

// Before its files are removed.
after(() => server?.run(server.lines.stop))
const scratch = scratchDirectory()
const reason = await whyNoPostgres()
/** One for all tests here; each begins without tables. */
const server = reason === undefined ? createPostgres(scratch, path.join(scratch, 'data'), '-c max_connections=20 -c fsync=off') : undefined
before(() => server?.run(server.lines.start))

queueConformance('a queue in PostgreSQL', async (clock, t) => {
  if (server === undefined) {
    t.skip(reason ?? '')
    return undefined
  }
  server.query('drop schema if exists holdfast cascade')
  return await queueIn(await openPostgres(server.url), { clock, random: () => 0.5 })
})

test('what breaks on the way to the database, or will pass, is tried again; what it refuses is not', () => {
  const answer = (state: string) => Object.assign(new pg.DatabaseError('says', 4, 'error'), { code: state })
  const broken = Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })
  const codes = [
    broken,
    new Error('Connection terminated unexpectedly'),
    answer('57P01'),
    answer('40P01'),
    answer('53300'),
    answer('28P01'),
    answer('3D000'),
    answer('42601'),
  ]
  assert.deepEqual(
    codes.map((error) => faultFrom(error, 'db').code),
    ['unavailable', 'unavailable', 'unavailable', 'unavailable', 'unavailable', 'denied', 'not-found', 'bug'],
  )
})
