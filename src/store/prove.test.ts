import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom as seeded } from '../../test/fakes/seeded-random.ts'
import { s3ForTests } from '../../test/services/index.ts'
import { Fault, systemClock } from '../kit/index.ts'
import { createMemoryStore } from './drivers/memory.ts'
import { createS3Store } from './drivers/s3/index.ts'
import { proveConditionalPuts } from './prove.ts'
import type { ObjectStore } from './store.ts'

const seed = Math.floor(Math.random() * 2 ** 32)
const random = seeded(seed)

async function keysIn(store: ObjectStore): Promise<string[]> {
  return await Array.fromAsync(store.list(''), ({ key }) => key)
}

test('a store whose conditional puts hold is proven, with one winner in each race, and nothing is left behind', async () => {
  const store = createMemoryStore({ clock: systemClock })
  const proof = await proveConditionalPuts(store, { random, rounds: 4 })
  assert.deepEqual({ holds: proof.holds, ...proof.evidence }, { holds: true, rounds: 4, winnersPerRound: [1, 1, 1, 1] })
  assert.deepEqual(await keysIn(store), [])
})

test('a store that ignores conditions is refused before any race, and the reason says so', async () => {
  const inner = createMemoryStore({ clock: systemClock })
  const ignorant: ObjectStore = { ...inner, put: (key, body, options) => inner.put(key, body, { ...options, if: undefined }) }
  const proof = await proveConditionalPuts(ignorant, { random })
  assert.equal(proof.holds, false)
  assert.match(proof.why, /ignores the condition of a put if absent/)
  assert.deepEqual(await keysIn(inner), [])
})

test('a store that knows "if absent" and ignores etags is refused', async () => {
  const inner = createMemoryStore({ clock: systemClock })
  const halfWay: ObjectStore = {
    ...inner,
    put: (key, body, options) => inner.put(key, body, { ...options, if: options?.if === 'absent' ? 'absent' : undefined }),
  }
  const proof = await proveConditionalPuts(halfWay, { random })
  assert.equal(proof.holds, false)
  assert.match(proof.why, /ignores the condition of a put over a version/)
})

test('a store that looks first and writes later loses races, and the evidence shows how many won', async () => {
  const inner = createMemoryStore({ clock: systemClock })
  const racy: ObjectStore = {
    ...inner,
    async put(key, body, options) {
      const found = await inner.head(key)
      const wanted = options?.if
      const holds = wanted === undefined || (wanted === 'absent' ? found === undefined : found?.etag === wanted.etag)
      if (!holds) throw new Fault('precondition', 'lost')
      return await inner.put(key, body, { ...options, if: undefined })
    },
  }
  const proof = await proveConditionalPuts(racy, { random })
  assert.equal(proof.holds, false)
  assert.ok(proof.evidence.winnersPerRound[0]! > 1)
  assert.match(proof.why, /exactly one may/)
})

test('trouble proves nothing and is thrown', async () => {
  const inner = createMemoryStore({ clock: systemClock })
  const failing: ObjectStore = { ...inner, put: () => Promise.reject(new Fault('unavailable', 'the server failed')) }
  await assert.rejects(proveConditionalPuts(failing, { random }), { code: 'unavailable' })
})

test('a bucket of a real server is proven, and a versioned one, where several puts win, is refused', async (t) => {
  const s3 = await s3ForTests(t)
  if (s3 === undefined) return
  const store = createS3Store({ ...s3, bucket: await s3.newBucket(), env: {} })
  const versioned = createS3Store({ ...s3, bucket: await s3.newBucket({ versioned: true }), env: {} })
  t.after(() => Promise.all([store.close(), versioned.close()]))
  const proof = await proveConditionalPuts(store, { random })
  assert.equal(proof.holds, true, proof.why)
  assert.deepEqual(await keysIn(store), [])
  const refused = await proveConditionalPuts(versioned, { random, rounds: 20 })
  assert.equal(refused.holds, false, 'some race of 20 has more than one winner')
  assert.match(refused.why, /exactly one may|is not the one that is there/)
  assert.deepEqual(await keysIn(versioned), [])
})
