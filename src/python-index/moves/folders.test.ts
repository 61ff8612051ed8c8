import assert from 'node:assert/strict'
import { mkdtemp } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import { createFileStore } from '../../store/index.ts'
import { indexDesk } from '../../../test/fakes/index-desk.ts'
import { bothIndexes, built, publishedIn, publishFiles, release, staging } from '../../../test/fakes/index-moves.ts'
import { assertInLine } from '../../../test/fakes/index-truth.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { publish } from '../publish/publish.ts'
import { readIndex } from '../records/read.ts'
import { archive } from './archive.ts'
import { promote } from './promote.ts'
import { rollback } from './rollback.ts'
import { yank } from './yank.ts'

const scratch = scratchDirectory()

test('an index in a folder goes the same ways: promoted, yanked, archived, deleted, rolled back, and nothing left for a publication', async () => {
  const root = await mkdtemp(path.join(scratch, 'bucket-'))
  const { clock } = indexDesk()
  const bucket = createFileStore({ root, clock })
  const { context } = indexDesk({ environment: { prefixes: bothIndexes, grace: 0 }, bucket })
  await publishFiles(context, staging, [built.torch1, built.torch2, built.rocm1, built.source])
  const promoted = await promote(context, { from: staging, to: release })
  await yank(context, { prefix: release, project: 'torch', version: '2.7.0' })
  for (const _ of [1, 2]) await archive(context, { prefixes: [release], keep: 1 })
  assert.equal(await bucket.head(`${release}/${built.torch1.file}`), undefined)
  await rollback(context, { prefix: release, to: { generation: promoted.generation! } })
  const prefixes = Object.keys((await readIndex(context))!.state.prefixes)
  for (const prefix of prefixes) await assertInLine(bucket, prefix)
  assert.deepEqual(await publishedIn(context, release), await publishedIn(context, staging))
  const idle = await publish(context, { prefixes })
  assert.ok(!idle.hasMoved && idle.prefixes.every(({ written, removed }) => written.length + removed.length === 0))
})
