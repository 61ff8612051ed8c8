import assert from 'node:assert/strict'
import { collect, openChunkReader, openChunkStore } from '../../src/chunks/index.ts'
import type { Clock, Digest } from '../../src/kit/index.ts'
import { digestOf, isFault } from '../../src/kit/index.ts'
import type { ObjectStore } from '../../src/store/index.ts'
import { keepTree, putTreeRef, traceTree } from '../fakes/chunk-desk.ts'
import { seededRandom } from '../fakes/seeded-random.ts'

export interface RaceOptions {
  readonly store: ObjectStore
  readonly clock: Clock
  readonly seed: number
  readonly writers: number
  /** Of each writer. */
  readonly rounds: number
}

export interface RaceOutcome {
  readonly published: number
  readonly prunes: number
  readonly deleted: number
}

/**
 * Writers that store trees of much the same content and forget them again, and one that prunes without grace all the time. Whatever is
 * published can be read, by whoever opens the store, until it is forgotten.
 */
export async function raceChunks({ store, clock, seed, writers, rounds }: RaceOptions): Promise<RaceOutcome> {
  const outcome = { published: 0, prunes: 0, deleted: 0 }
  let writing = writers
  const lanes = Array.from({ length: writers }, async (_, writer) => {
    const random = seededRandom(seed * 100 + writer)
    try {
      for (let round = 0; round < rounds; round++) {
        const contents = Array.from({ length: 1 + Math.floor(random() * 4) }, () => contentOf(Math.floor(random() * 12)))
        // Each round is another process.
        const chunks = await openChunkStore(store, { clock, random, workers: 0 })
        const { root, ids } = await keepTree(chunks, `w${writer}`, contents, `writer ${writer}`)
        outcome.published++
        await readTree(store, root, ids, `seed ${seed}, writer ${writer}, round ${round}`)
        if (random() < 0.4) await putTreeRef(store, `w${writer}`, undefined)
      }
    } finally {
      writing--
    }
  })
  const pruner = async () => {
    const random = seededRandom(seed * 100 + 99)
    while (writing > 0) {
      const { deleted } = await collect({ store, clock, random, grace: 0, trace: traceTree })
      outcome.prunes++
      outcome.deleted += deleted.objects
    }
  }
  await Promise.all([...lanes, pruner()])
  return outcome
}

function contentOf(number: number): Uint8Array {
  return Buffer.from(`content ${number} `.repeat(20 + number))
}

/** As somebody who opens the store just now. */
async function readTree(store: ObjectStore, root: Digest, ids: readonly Digest[], what: string): Promise<void> {
  const reader = await openChunkReader(store, { workers: 0 })
  try {
    for await (const { id, bytes } of reader.readMany([root, ...ids])) assert.equal(digestOf(bytes), id, what)
  } catch (error) {
    throw new Error(`${what}: lost: ${isFault(error) ? `${error.code}: ${error.message}` : String(error)}`, { cause: error })
  }
}

/** The same store, whose operations take a random number of turns before and after. */
export function jitteryStore(store: ObjectStore, random: () => number): ObjectStore {
  const jitter = async () => {
    for (let turns = Math.floor(random() * 4); turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve))
  }
  const around = async <T>(work: () => Promise<T>): Promise<T> => {
    await jitter()
    const result = await work()
    await jitter()
    return result
  }
  return {
    ...store,
    head: (...args) => around(() => store.head(...args)),
    get: (...args) => around(() => store.get(...args)),
    put: (...args) => around(() => store.put(...args)),
    delete: (...args) => around(() => store.delete(...args)),
    async *list(...args) {
      await jitter()
      for await (const info of store.list(...args)) {
        yield info
        if (random() < 0.3) await jitter()
      }
    },
  }
}
