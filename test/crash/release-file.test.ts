import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { seededRandom, testSeed } from '../fakes/seeded-random.ts'
import { playAndKill } from './playing.ts'
import { type Place, type PlayName, plays } from './scene.ts'

/* On folders: killed at every operation on a store, and inside of the driver, between its calls on the disk. */
const isFull = process.env['HOLDFAST_SOAK'] === '1'
const root = await mkdtemp(path.join(os.tmpdir(), 'holdfast-crash-'))
after(() => rm(root, { recursive: true }))
const now = Math.floor(Date.now() / 1000) * 1000
const cache = path.join(root, 'compiled')
const newPlace = async (): Promise<Place> => ({ root: await mkdtemp(path.join(root, 'place-')), now, size: 4096 })

const readingToo: ReadonlySet<PlayName> = new Set(['create', 'rollback', 'fetch'])

for (const play of Object.keys(plays) as PlayName[]) {
  const within = isFull || readingToo.has(play) ? 'store' : 'changes'
  test(`${play} in folders may be killed at any operation${within === 'changes' ? ' that changes something' : ''}`, async (t) => {
    const { points, killed, looks } = await playAndKill({ play, within, newPlace, cache })
    t.diagnostic(`killed at ${killed} of ${points} points, looked at ${looks} times meanwhile`)
  })
}

for (const play of ['create', 'rollback'] as const) {
  test(`${play} in folders may be killed between any two calls of the driver on the disk`, async (t) => {
    const sample = isFull ? undefined : { size: 25, random: seededRandom(testSeed) }
    const { points, killed, looks } = await playAndKill({ play, within: 'disk', newPlace, cache, sample })
    t.diagnostic(`killed at ${killed} of ${points} points (seed ${testSeed}), looked at ${looks} times meanwhile`)
  })
}
