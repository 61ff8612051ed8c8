import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { seededRandom, testSeed } from '../fakes/seeded-random.ts'
import { s3ForTests } from '../services/index.ts'
import { playAndKill } from './playing.ts'
import { type Place, type PlayName, plays } from './scene.ts'

/* In buckets of a real S3 server: killed at operations on the stores, and before the requests of an upload in parts. */
const isFull = process.env['HOLDFAST_SOAK'] === '1'
const root = await mkdtemp(path.join(os.tmpdir(), 'holdfast-crash-'))
after(() => rm(root, { recursive: true }))
const now = Math.floor(Date.now() / 1000) * 1000
const cache = path.join(root, 'compiled')

async function placesOn(t: { skip(reason: string): void }, size: number): Promise<(() => Promise<Place>) | undefined> {
  const server = await s3ForTests(t)
  if (server === undefined) return undefined
  const { endpoint, accessKeyId, secretAccessKey, region } = server
  const bucket = await server.newBucket()
  let number = 0
  return async () => ({
    root: await mkdtemp(path.join(root, 'place-')),
    now,
    size,
    s3: { server: { endpoint, accessKeyId, secretAccessKey, region }, bucket, prefix: `place-${++number}` },
  })
}

for (const play of Object.keys(plays) as PlayName[]) {
  test(`${play} in a bucket may be killed at any operation`, async (t) => {
    const newPlace = await placesOn(t, 4096)
    if (newPlace === undefined) return
    const sample = isFull ? undefined : { size: play === 'create' ? 15 : 5, random: seededRandom(testSeed) }
    const { points, killed, looks } = await playAndKill({ play, within: 'store', newPlace, cache, sample })
    t.diagnostic(`killed at ${killed} of ${points} points (seed ${testSeed}), looked at ${looks} times meanwhile`)
  })
}

test('a create whose library goes up in parts may be killed at any request', async (t) => {
  const newPlace = await placesOn(t, 11 << 20)
  if (newPlace === undefined) return
  const sample = isFull ? undefined : { size: 6, random: seededRandom(testSeed) }
  const { points, killed } = await playAndKill({ play: 'create', within: 'requests', newPlace, cache, sample })
  assert.ok(points > 20)
  t.diagnostic(`killed at ${killed} of ${points} requests (seed ${testSeed})`)
})
