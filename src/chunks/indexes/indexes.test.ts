import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { describe, it } from 'node:test'
import { hastyClock } from '../../../test/fakes/hasty-clock.ts'
import { seededRandom, testSeed } from '../../../test/fakes/seeded-random.ts'
import { bytesOf, type Digest, digestOf, isFault, silent } from '../../kit/index.ts'
import { createMemoryStore } from '../../store/index.ts'
import { encodeTrailer, lengthWord, parseTrailer } from '../pack/trailer.ts'
import { directoryCache, noCache } from './cache.ts'
import { createChunkIndex } from './chunk-index.ts'
import { encodeIndex, indexKey, type IndexedPack, parseIndex } from './codec.ts'
import { createIdTable } from './id-table.ts'
import { createIndexLoader } from './load.ts'

const idFor = (name: string) => hash('sha256', name, 'buffer')

/** A pack of one block for each list of names; each chunk is as long as its name. */
function indexed(pack: string, ...blocks: string[][]): IndexedPack {
  const trailer = encodeTrailer(
    blocks.map((names) => {
      const chunks = Buffer.alloc(names.length * 36)
      names.forEach((name, index) => {
        idFor(name).copy(chunks, index * 36)
        chunks.writeUInt32LE(lengthWord(name.startsWith('node') ? 'node' : 'chunk', name.length), index * 36 + 32)
      })
      const plain = names.reduce((sum, name) => sum + name.length, 0)
      return { method: 'zstd', stored: Math.max(1, plain - 1), plain, chunks }
    }),
  )
  return { id: digestOf(pack), contents: parseTrailer(trailer, 'test') }
}

describe('an index object', () => {
  const sample = {
    packs: [indexed('p', ['one', 'two'], ['node 3']), indexed('q', ['four'])],
    gone: [{ id: digestOf('r'), at: 1_736_900_000_000 }],
  }

  it('is read back as it was written, and has one form', () => {
    const bytes = encodeIndex(sample)
    const read = parseIndex(bytes, 'test')
    assert.deepEqual(read.gone, sample.gone)
    assert.deepEqual(
      read.packs.map(({ id }) => id),
      sample.packs.map(({ id }) => id),
    )
    assert.deepEqual(encodeIndex(read), bytes)
    assert.equal(
      digestOf(encodeIndex({ packs: [indexed('p', ['one', 'two'], ['node 3'])], gone: sample.gone })),
      'sha256:1fc5874a141e6a2b4ec5a5f78e23e1d79f346f3f0c86c5aa7fdef6137ea46069',
    )
  })

  it('of hostile bytes is refused, whatever they are', () => {
    const random = seededRandom(testSeed)
    const good = encodeIndex(sample)
    for (let round = 0; round < 3000; round++) {
      const bytes = Buffer.from(good)
      for (let changes = 0; changes < 1 + random() * 3; changes++)
        bytes.writeUInt8(Math.floor(random() * 256), Math.floor(random() * bytes.length))
      const cut = bytes.subarray(0, random() < 0.3 ? Math.floor(random() * bytes.length) : bytes.length)
      try {
        parseIndex(cut, 'test')
      } catch (error) {
        assert.ok(isFault(error, 'corrupt') || isFault(error, 'unsupported'), `seed ${testSeed}, round ${round}: ${String(error)}`)
      }
    }
    for (let length = 0; length < good.length; length++) assert.throws(() => parseIndex(good.subarray(0, length), 'test'))
    assert.throws(
      () => parseIndex(Buffer.concat([good, Buffer.from([0])]), 'test'),
      (error) => isFault(error, 'corrupt'),
    )
  })
})

describe('ids in memory', () => {
  it('are found under their numbers, each as often as it was added, also after growing', () => {
    const random = seededRandom(testSeed)
    const table = createIdTable()
    const numbers = new Map<number, number[]>()
    for (let number = 0; number < 150_000; number++) {
      const name = Math.floor(random() * 120_000)
      numbers.set(name, [...(numbers.get(name) ?? []), number])
      table.add(idFor(String(name)), 0)
    }
    for (const [name, expected] of numbers) {
      const id = idFor(String(name))
      const found: number[] = []
      for (let number = table.find(id, 0); number !== -1; number = table.find(id, 0, number)) found.push(number)
      assert.deepEqual(found, expected, `seed ${testSeed}, name ${name}`)
    }
    assert.equal(table.find(idFor('absent'), 0), -1)
  })
})

describe('the index in memory', () => {
  it('knows where each chunk lies', () => {
    const index = createChunkIndex()
    const pack = indexed('p', ['one', 'three'], ['node 1', 'four'])
    index.add(pack.id, pack.contents)
    index.add(pack.id, pack.contents)
    assert.equal(index.size, 4)
    const entry = index.find(idFor('four'))
    const place = index.placeOf(entry)
    assert.deepEqual([place.pack.id, place.offset, place.plain, index.offsetOf(entry, place)], [digestOf('p'), 24 + 7, 10, 6])
    assert.deepEqual([index.lengthAt(entry), index.kindAt(entry), index.kindAt(entry - 1)], [4, 'chunk', 'node'])
    assert.equal(index.find(idFor('five')), -1)
  })

  it('prefers a copy in a pack that is in use, and knows none in a pack that is gone', () => {
    const index = createChunkIndex()
    for (const name of ['p', 'q', 'r']) {
      const pack = indexed(name, ['same'])
      index.add(pack.id, pack.contents)
    }
    const packOf = () => index.placeOf(index.find(idFor('same'))).pack.id
    assert.equal(packOf(), digestOf('p'))
    index.condemn(new Set([digestOf('p')]))
    assert.equal(packOf(), digestOf('q'))
    index.markGone(digestOf('q'))
    assert.equal(packOf(), digestOf('r'))
    index.condemn(new Set([digestOf('p'), digestOf('r')]))
    assert.equal(index.isReliable(index.find(idFor('same'))), false)
    index.markGone(digestOf('p'))
    index.markGone(digestOf('r'))
    assert.equal(index.find(idFor('same')), -1)
  })

  it('does not take back a pack that was declared gone before it was known', () => {
    const index = createChunkIndex()
    index.markGone(digestOf('p'))
    const pack = indexed('p', ['same'])
    index.add(pack.id, pack.contents)
    assert.equal(index.find(idFor('same')), -1)
  })
})

describe('loading indexes', () => {
  const clock = hastyClock(0)
  const put = async (store: ReturnType<typeof createMemoryStore>, ...packs: IndexedPack[]): Promise<Digest> => {
    const bytes = encodeIndex({ packs, gone: [] })
    await store.put(indexKey(digestOf(bytes)), bytesOf(bytes))
    return digestOf(bytes)
  }

  it('reads each once, and reads the list again where one went meanwhile', async () => {
    const store = createMemoryStore({ clock })
    const first = await put(store, indexed('p', ['one']))
    let merged = false
    const merging = {
      ...store,
      get: async (...args: Parameters<typeof store.get>) => {
        if (!merged) {
          merged = true
          await put(store, indexed('p', ['one']), indexed('q', ['two']))
          await store.delete(indexKey(first))
        }
        return await store.get(...args)
      },
    }
    const index = createChunkIndex()
    await createIndexLoader(merging, index, noCache).refresh()
    assert.notEqual(index.find(idFor('one')), -1)
    assert.notEqual(index.find(idFor('two')), -1)
  })

  it('leaves out one that is damaged, and tells', async () => {
    const store = createMemoryStore({ clock })
    const bad = await put(store, indexed('p', ['one']))
    await store.put(indexKey(bad), bytesOf('other bytes'))
    await put(store, indexed('q', ['two']))
    const index = createChunkIndex()
    const loader = createIndexLoader(store, index, noCache)
    await loader.refresh()
    assert.deepEqual([...loader.damaged.keys()], [indexKey(bad)])
    assert.notEqual(index.find(idFor('two')), -1)
  })

  it('is served by a cache that may be stale, damaged, or not writable', async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'holdfast-indexes-'))
    try {
      const store = createMemoryStore({ clock })
      const one = await put(store, indexed('p', ['one']))
      let gets = 0
      const counting = { ...store, get: (...args: Parameters<typeof store.get>) => (gets++, store.get(...args)) }
      const load = async () => {
        const index = createChunkIndex()
        await createIndexLoader(counting, index, directoryCache(folder, silent)).refresh()
        return index.find(idFor('one')) !== -1
      }
      assert.deepEqual([await load(), gets], [true, 1])
      assert.deepEqual([await load(), gets], [true, 1])
      const file = path.join(folder, 'indexes', one.slice(7))
      await writeFile(file, 'damaged')
      assert.deepEqual([await load(), gets], [true, 2])
      await store.delete(indexKey(one))
      const two = await put(store, indexed('p', ['one']), indexed('q', ['two']))
      assert.ok(await load())
      assert.deepEqual(await readdir(path.join(folder, 'indexes')), [two.slice(7)])
      await rm(path.join(folder, 'indexes'), { recursive: true })
      await writeFile(path.join(folder, 'indexes'), 'no directory')
      assert.ok(await load())
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
