import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { openChunkStore } from '../src/chunks/index.ts'
import { systemClock } from '../src/kit/index.ts'
import { createFileStore, type ObjectStore } from '../src/store/index.ts'
import { createS3Store } from '../src/store/drivers/s3/index.ts'
import { raceChunks } from './faults/chunk-race.ts'
import { seededRandom, testSeed } from './fakes/seeded-random.ts'
import { s3ForTests } from './services/index.ts'

const isSoak = process.env['HOLDFAST_SOAK'] === '1'

async function race(store: ObjectStore, rounds: number): Promise<void> {
  const clock = systemClock
  await openChunkStore(store, { clock, random: seededRandom(testSeed), workers: 0 })
  const { prunes, published } = await raceChunks({ store, clock, seed: testSeed, writers: 8, rounds })
  assert.equal(published, 8 * rounds)
  assert.ok(prunes > 1, `${prunes} prunes, seed ${testSeed}`)
}

test('eight writers and a pruner lose nothing in a folder', async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'holdfast-race-'))
  try {
    await race(createFileStore({ root: folder, durable: false }), isSoak ? 400 : 8)
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('eight writers and a pruner lose nothing in a bucket', async (t) => {
  const server = await s3ForTests(t)
  if (server === undefined) return
  await race(createS3Store({ ...server, bucket: await server.newBucket(), env: {} }), isSoak ? 200 : 2)
})
