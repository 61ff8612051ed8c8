import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { seededRandom, testSeed } from '../fakes/seeded-random.ts'
import { s3ForTests, type S3Server } from '../services/index.ts'
import { playAndKill } from './playing.ts'
import { type Place, type PlayName, plays } from './scene.ts'

/* In a bucket of a real S3 server: killed at operations on a store, and before requests to the server, within a multipart upload too. */
const isFull = process.env['HOLDFAST_SOAK'] === '1'
const root = await mkdtemp(path.join(os.tmpdir(), 'holdfast-crash-s3-'))
after(() => rm(root, { recursive: true }))
const now = Math.floor(Date.now() / 1000) * 1000
const cache = path.join(root, 'compiled')
const random = seededRandom(testSeed)
let places = 0
let bucket: Promise<string> | undefined

function placesOn({ endpoint, region, accessKeyId, secretAccessKey, newBucket }: S3Server, size: number) {
  return async (): Promise<Place> => {
    const server = { endpoint, region, accessKeyId, secretAccessKey }
    bucket ??= newBucket()
    return { root: await mkdtemp(path.join(root, 'place-')), now, size, s3: { server, bucket: await bucket, prefix: `place-${++places}` } }
  }
}

for (const play of Object.keys(plays) as PlayName[]) {
  const within = isFull || play === 'fetch' ? 'store' : 'changes'
  test(`${play} in a bucket may be killed at any operation${within === 'changes' ? ' that changes something' : ''}`, async (t) => {
    const server = await s3ForTests(t)
    if (server === undefined) return
    const sample = isFull || play === 'create' ? undefined : { size: 5, random }
    const { points, killed, looks } = await playAndKill({ play, within, newPlace: placesOn(server, 4096), cache, sample })
    t.diagnostic(`killed at ${killed} of ${points} points (seed ${testSeed}), looked at ${looks} times meanwhile`)
  })
}

for (const play of ['the first create', 'fetch'] as const) {
  test(`${play} of an artifact in parts may be killed before any request`, async (t) => {
    const server = await s3ForTests(t)
    if (server === undefined) return
    const sample = isFull ? undefined : { size: 6, random }
    const newPlace = placesOn(server, 6 << 20)
    const { points, killed, looks } = await playAndKill({ play, within: 'requests', newPlace, cache, sample })
    t.diagnostic(`killed at ${killed} of ${points} points (seed ${testSeed}), looked at ${looks} times meanwhile`)
  })
}
