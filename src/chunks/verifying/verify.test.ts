import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type ChunkDesk, chunkDesk, keepTree, randomBytes, readAllOf, traceTree } from '../../../test/fakes/chunk-desk.ts'
import { testSeed } from '../../../test/fakes/seeded-random.ts'
import { bytesOf, type Digest, digestOf } from '../../kit/index.ts'
import { createMemoryStore, readAll } from '../../store/index.ts'
import { collect, openChunkReader, repairPacks, verifyPacks } from '../index.ts'

interface VerifyDesk extends ChunkDesk {
  /** Two packs: of incompressible pieces, and of others. */
  readonly noisy: readonly Digest[]
  readonly plain: readonly Digest[]
  packOf(id: Digest): Promise<string>
  change(key: string, how: (bytes: Uint8Array) => Uint8Array): Promise<void>
  verify(readData?: number): ReturnType<typeof verifyPacks>
  repair(options?: Partial<Parameters<typeof repairPacks>[1]>): ReturnType<typeof repairPacks>
}

async function atDesk(work: (desk: VerifyDesk) => Promise<void>): Promise<void> {
  const desk = await chunkDesk()
  const { store, random, clock } = desk
  try {
    const noise = Array.from({ length: 12 }, () => randomBytes(70_000, random))
    const noisy = (await keepTree(await desk.open(), 'noisy', noise)).ids
    const plain = (await keepTree(await desk.open(), 'plain', [Buffer.from('plain text '.repeat(40)), Buffer.from('other')])).ids
    await work({
      ...desk,
      noisy,
      plain,
      packOf: async (id) => `packs/${(await openChunkReader(store)).locate(id)!.pack.replace(/^sha256:(..)/, '$1/$1')}`,
      async change(key, how) {
        const { bytes } = await readAll(store, key, { limit: 16 << 20 })
        await store.put(key, bytesOf(how(bytes)))
      },
      verify: (readData = 1) => verifyPacks(store, { random, readData }),
      repair: (options = {}) => repairPacks(store, { random, clock, by: 'ann', readData: 1, ...options }),
    })
  } finally {
    await desk.remove()
  }
}

const flip = (at: number) => (bytes: Uint8Array) => bytes.map((byte, index) => (index === at ? byte ^ 4 : byte))

describe('verifying packs', () => {
  it('finds nothing where all is well, and reads as much as it is asked to', () =>
    atDesk(async ({ verify }) => {
      const all = await verify()
      assert.deepEqual([all.damage, all.packs, all.read, all.chunks], [[], 2, 2, 16])
      assert.deepEqual([(await verify(0)).read, (await verify(0)).damage], [0, []])
    }))

  it('finds a flipped bit, and names exactly the chunks that it has cost', () =>
    atDesk(async ({ verify, packOf, change, noisy }) => {
      const key = await packOf(noisy[0]!)
      await change(key, flip(24 + 70_000 + 5))
      assert.deepEqual((await verify(0)).damage, [])
      const { damage } = await verify()
      assert.deepEqual(damage, [{ kind: 'pack', key, what: 'its bytes do not match its digest', lost: [noisy[1]] }])
    }))

  it('finds a pack that is cut off without reading any, and names what is still there by naming what is not', () =>
    atDesk(async ({ verify, packOf, change, noisy }) => {
      const key = await packOf(noisy[0]!)
      await change(key, (bytes) => bytes.slice(0, 24 + 8 * 70_000))
      const { damage } = await verify(0)
      assert.deepEqual(
        damage.map(({ kind }) => kind),
        ['pack'],
      )
      assert.deepEqual(damage[0]!.lost.slice(0, 4), noisy.slice(8))
    }))

  it('reads of a pack that was added to as much as it should have, in one request, and lets go of the rest', () =>
    atDesk(async ({ store, random, packOf, change, noisy }) => {
      const key = await packOf(noisy[0]!)
      const size = (await store.head(key))!.size
      await change(key, (bytes) => Buffer.concat([bytes, randomBytes(300_000, random)]))
      const [ended, asked] = [[] as number[], [] as string[]]
      const get: typeof store.get = async (of, options) => {
        const body = await store.get(of, options)
        if (of !== key) return body
        asked.push(of)
        const read = async function* () {
          let given = 0
          try {
            for await (const piece of body) {
              for (let at = 0; at < piece.byteLength; at += 65_536) {
                given += Math.min(65_536, piece.byteLength - at)
                yield piece.subarray(at, at + 65_536)
              }
            }
          } finally {
            ended.push(given)
          }
        }
        return { info: body.info, length: body.length, rewindable: false, [Symbol.asyncIterator]: read }
      }
      const { damage } = await verifyPacks({ ...store, get }, { random, readData: 1 })
      assert.deepEqual(damage, [{ kind: 'pack', key, what: `it has ${size + 300_000} bytes and should have ${size}`, lost: [] }])
      assert.deepEqual([asked.length, ended.length], [1, 1])
      assert.ok(ended[0]! < size + 65_536, `${ended[0]} bytes were read`)
    }))

  it('finds a pack that is missing, one without an index, a damaged index, and what is not ours', () =>
    atDesk(async ({ verify, packOf, store, noisy, plain }) => {
      await store.delete(await packOf(noisy[0]!))
      await store.put(`packs/00/${'0'.repeat(64)}`, bytesOf('a stray'))
      await store.put('packs/README', bytesOf('hello'))
      await store.put('music.mp3', bytesOf('la la la'))
      for await (const { key } of store.list('index/')) {
        const { bytes } = await readAll(store, key, { limit: 1 << 20 })
        if (Buffer.from(bytes).includes(Buffer.from(plain[0]!.slice(7), 'hex'))) await store.put(key, bytesOf('damaged'))
      }
      const { damage } = await verify(0)
      assert.deepEqual(damage.map(({ kind }) => kind).toSorted(), ['alien', 'alien', 'index', 'missing-pack', 'stray', 'stray'])
      assert.deepEqual(damage.find(({ kind }) => kind === 'missing-pack')!.lost.slice(0, 12), noisy)
    }))

  it('does not call lost what another pack has', () =>
    atDesk(async ({ open, verify, change, store }) => {
      // Neither of two writers at once knows of the other: both store it.
      const writers = await Promise.all(['one', 'two'].map(async (by) => (await open()).startWriter({ by })))
      for (const writer of writers) await writer.addBytes(Buffer.from('twice'), 'chunk')
      for (const writer of writers) {
        await writer.finish()
        await writer.publish(async () => undefined)
      }
      const keys = (await Array.fromAsync(store.list('packs/'))).filter(({ size }) => size < 200).map(({ key }) => key)
      assert.equal(keys.length, 2)
      await change(keys[0]!, flip(25))
      assert.deepEqual(
        (await verify()).damage.map(({ lost }) => lost),
        [[]],
      )
      await change(keys[1]!, flip(25))
      assert.deepEqual(
        (await verify()).damage.map(({ lost }) => lost),
        [[digestOf('twice')], [digestOf('twice')]],
      )
    }))
})

describe('repairing packs', () => {
  it('without another store keeps what is whole, puts the rest aside and says what is lost', () =>
    atDesk(async ({ repair, verify, packOf, change, store, noisy, open }) => {
      const key = await packOf(noisy[0]!)
      await change(key, flip(24 + 70_000 + 5))
      const repaired = await repair()
      assert.deepEqual([repaired.lost, repaired.fetched, repaired.quarantined], [[noisy[1]], 0, [`quarantine/${key}`]])
      assert.deepEqual((await verify()).damage, [])
      const chunks = await open()
      assert.equal(
        (
          await readAllOf(
            chunks,
            noisy.filter((id) => id !== noisy[1]),
          )
        ).length,
        11 * 70_000,
        `seed ${testSeed}`,
      )
      assert.equal(chunks.has(noisy[1]!), false)
      assert.equal(await store.head(key), undefined)
      assert.deepEqual(await Array.fromAsync(store.list('leases/')), [])
    }))

  it('takes what is lost from another store', () =>
    atDesk(async ({ repair, verify, packOf, change, open, store, noisy, clock }) => {
      const reader = await openChunkReader(store)
      const there = await open({}, createMemoryStore({ clock }))
      await keepTree(there, 'copy', await Promise.all(noisy.map((id) => reader.read(id))))
      await change(await packOf(noisy[0]!), (bytes) => bytes.slice(0, 300_000))
      const repaired = await repair({ from: there })
      assert.ok(repaired.fetched >= 8 && repaired.lost.length <= 1, JSON.stringify(repaired))
      assert.deepEqual((await verify()).damage, [])
      assert.equal((await readAllOf(await open(), noisy)).length, 12 * 70_000)
    }))

  it('makes the indexes anew from the packs', () =>
    atDesk(async ({ repair, verify, open, store, noisy, plain }) => {
      const indexes = (await Array.fromAsync(store.list('index/'))).map(({ key }) => key)
      await store.delete(indexes[0]!)
      await store.put(indexes[1]!, bytesOf('damaged'))
      assert.equal((await open()).has(noisy[0]!), false)
      const repaired = await repair()
      assert.deepEqual([repaired.indexed, repaired.lost, repaired.quarantined], [2, [], [`quarantine/${indexes[1]}`]])
      assert.deepEqual((await verify()).damage, [])
      const chunks = await open()
      assert.ok([...noisy, ...plain].every((id) => chunks.has(id)))
    }))

  it('lets content that is stored again heal what was lost', () =>
    atDesk(async ({ repair, packOf, store, plain, open, random, clock }) => {
      await store.delete(await packOf(plain[0]!))
      const repaired = await repair()
      assert.deepEqual(repaired.lost.slice(0, 2), plain)
      await keepTree(await open(), 'plain', [Buffer.from('plain text '.repeat(40)), Buffer.from('other')])
      assert.equal(digestOf(await (await open()).read(plain[0]!)), plain[0])
      await collect({ store, clock, random, grace: 0, trace: traceTree })
      assert.ok((await open()).has(plain[0]!))
    }))

  it('has nothing to do where all is well', () =>
    atDesk(async ({ repair, store }) => {
      const before = (await Array.fromAsync(store.list(''))).map(({ key }) => key)
      assert.deepEqual(await repair(), { indexed: 0, saved: 0, fetched: 0, lost: [], quarantined: [] })
      assert.deepEqual(
        (await Array.fromAsync(store.list(''))).map(({ key }) => key),
        before,
      )
    }))
})
